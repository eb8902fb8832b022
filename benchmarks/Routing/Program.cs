// Matches paths among many rules: dotnet run -c Release --project benchmarks/Routing -- [RULES]
// Times are of the fastest of some rounds, on one thread; bytes are what a match allocates.
using System.Diagnostics;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Collections;

const int Matches = 20_000;
const int Rounds = 15;

var count = args.Length > 0 ? int.Parse(args[0]) : 10_000;
var start = Stopwatch.GetTimestamp();
var table = RouteTableModule
    .Create(true, ListModule.OfSeq(Enumerable.Range(0, count).Select(MakeRule)))
    .ResultValue;
Console.WriteLine(
    $"{count:N0} rules, made in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:N0} ms"
);

var anywhere = new RouteBase(Microsoft.FSharp.Core.FSharpValueOption<string>.None, false);
var last = count - count % 4;
(string Name, string Target)[] cases =
[
    ("literal", $"/static/page{last - 4}"),
    ("string", $"/tenant/acme/thing{last - 3}"),
    ("int, uuid", $"/tenant/42/thing{last - 2}/6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"),
    ("path", $"/deep/a/b/c/d{last - 1}/some/file/name.txt"),
    ("not found", "/tenant/acme/nothing/here"),
    ("8 KiB, not found", "/tenant/" + new string('x', 8_192)),
];
Console.WriteLine($"{"path", -18} {"ns", 8} {"bytes", 8}");
foreach (var (name, target) in cases)
{
    var (nanoseconds, bytes) = Measure(target);
    Console.WriteLine($"{name, -18} {nanoseconds, 8:N0} {bytes, 8:N0}");
}

static RouteRule MakeRule(int index)
{
    var text = (index % 4) switch
    {
        0 => $"/static/page{index}",
        1 => $"/tenant/<name>/thing{index}",
        2 => $"/tenant/<int:id>/thing{index}/<uuid:key>",
        _ => $"/deep/a/b/c/d{index}/<path:rest>",
    };
    return RouteRule.Create(text, RoutePatternModule.Parse(text).ResultValue);
}

(double Nanoseconds, double Bytes) Measure(string target)
{
    var request = new Request(
        "GET",
        target,
        "HTTP/1.1",
        Headers.Empty.Add("Host", "example.com").Add("Upgrade", "websocket")
    );
    var best = double.MaxValue;
    var bytes = 0.0;
    for (var round = 0; round < Rounds; round++)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < Matches; i++)
            RouteTableModule.Match(table, anywhere, request);
        best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalNanoseconds / Matches);
        bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Matches;
    }
    return (best, bytes);
}
