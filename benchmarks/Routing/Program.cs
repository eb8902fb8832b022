// Matches paths among many rules: dotnet run -c Release --project benchmarks/Routing -- [RULES]
// Times are of the fastest of some rounds, on one thread; bytes are what a match allocates.
using System.Diagnostics;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

const int Matches = 20_000;
const int Rounds = 15;

var count = args.Length > 0 ? int.Parse(args[0]) : 10_000;
var start = Stopwatch.GetTimestamp();
var mixed = MakeTable(MakeText);
Console.WriteLine(
    $"{count:N0} rules, made in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:N0} ms"
);
var alike = MakeTable(index => $"/<path:p>/{index}");
var letters = MakeTable(index => $"/<alpha:a>-<int:b>-{index}");

var anywhere = new RouteBase(null, false);
var last = count - count % 4;
(string Name, RouteTable Table, string Target)[] cases =
[
    ("literal", mixed, $"/static/page{last - 4}"),
    ("string", mixed, $"/tenant/acme/thing{last - 3}"),
    ("int, uuid", mixed, $"/tenant/42/thing{last - 2}/6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"),
    ("path", mixed, $"/deep/a/b/c/d{last - 1}/some/file/name.txt"),
    ("not found", mixed, "/tenant/acme/nothing/here"),
    ("8 KiB segment", mixed, "/tenant/" + new string('x', 8_190)),
    ("8 KiB of slashes", alike, new string('/', 8_190)),
    ("8 KiB of a/", alike, "/" + string.Concat(Enumerable.Repeat("a/", 4_090))),
    ("8 KiB of a-", letters, "/" + new string('a', 8_000) + new string('-', 190)),
];
Console.WriteLine($"{"path", -18} {"ns", 12} {"bytes", 10}");
foreach (var (name, table, target) in cases)
{
    var (nanoseconds, bytes) = Measure(table, target);
    Console.WriteLine($"{name, -18} {nanoseconds, 12:N0} {bytes, 10:N0}");
}

RouteTable MakeTable(Func<int, string> text) =>
    RouteTable
        .Create(true, Enumerable.Range(0, count).Select(index => MakeRule(text(index))))
        .ResultValue;

static string MakeText(int index) =>
    (index % 4) switch
    {
        0 => $"/static/page{index}",
        1 => $"/tenant/<name>/thing{index}",
        2 => $"/tenant/<int:id>/thing{index}/<uuid:key>",
        _ => $"/deep/a/b/c/d{index}/<path:rest>",
    };

static RouteRule MakeRule(string text) =>
    RouteRule.Create(text, RoutePattern.Parse(text).ResultValue);

(double Nanoseconds, double Bytes) Measure(RouteTable table, string target)
{
    var request = new Request(
        "GET",
        target,
        "HTTP/1.1",
        Headers.Empty.Add("Host", "example.com").Add("Upgrade", "websocket")
    );
    var best = double.MaxValue;
    var bytes = 0.0;
    var matches = target.Length > 1_000 ? Matches / 100 : Matches;
    for (var round = 0; round < Rounds; round++)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < matches; i++)
            table.Match(anywhere, request);
        best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalNanoseconds / matches);
        bytes = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)matches;
    }
    return (best, bytes);
}
