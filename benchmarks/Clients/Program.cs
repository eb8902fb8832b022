// Messages per second of a client's own processor time: ours and System.Net.WebSockets.ClientWebSocket, in turns, on one echo server of
// Kestrel's. The server runs on one processor, the clients on the other, where the system can do that.
//
//   dotnet run -c Release --project benchmarks/Clients [rounds [seconds]]
using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using Clients;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

switch (args)
{
    case ["--server"]:
        await Serve();
        break;
    case ["--client", var kind, var count, var address, var time]:
        await Measure(kind, int.Parse(count, CultureInfo.InvariantCulture), address, Seconds(time));
        break;
    default:
        Compare(
            args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5,
            args.Length > 1 ? args[1] : "5"
        );
        break;
}

static TimeSpan Seconds(string text) =>
    TimeSpan.FromSeconds(double.Parse(text, CultureInfo.InvariantCulture));

static async Task Serve()
{
    var builder = WebApplication.CreateSlimBuilder();
    builder.Logging.ClearProviders();
    builder.WebHost.UseUrls("http://127.0.0.1:0");
    var app = builder.Build();
    app.UseWebSockets();
    app.Run(async context =>
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[64 * 1024];
        while (await socket.ReceiveAsync(buffer.AsMemory(), default) is var received)
        {
            if (received.MessageType == WebSocketMessageType.Close)
                break;
            await socket.SendAsync(
                buffer.AsMemory(0, received.Count),
                received.MessageType,
                received.EndOfMessage,
                default
            );
        }
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
    });
    await app.StartAsync();
    Console.WriteLine(app.Urls.First().Replace("http", "ws", StringComparison.Ordinal) + "/");
    await app.WaitForShutdownAsync();
}

static async Task Measure(string kind, int count, string address, TimeSpan time)
{
    Echoes echoes =
        kind == "ours" ? new OurEchoes(address, count) : new PlatformEchoes(address, count);
    await echoes.Run(TimeSpan.FromSeconds(5)); // compiled, and compiled again for what is hot
    var process = Process.GetCurrentProcess();
    var (before, clock) = (process.TotalProcessorTime, Stopwatch.StartNew());
    var messages = await echoes.Run(time);
    clock.Stop();
    process.Refresh();
    var used = (process.TotalProcessorTime - before).TotalSeconds;
    Console.WriteLine(
        string.Create(
            CultureInfo.InvariantCulture,
            $"{messages / used:F0} {messages / clock.Elapsed.TotalSeconds:F0}"
        )
    );
}

static void Compare(int rounds, string seconds)
{
    using var server = Start("0", "--server");
    var address = server.StandardOutput.ReadLine()!;
    Console.WriteLine(
        "| | ours, per CPU s | ClientWebSocket, per CPU s | ratio | ours, per s | ClientWebSocket, per s |"
    );
    Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
    foreach (var count in new[] { 1, 64 })
    {
        var (ours, theirs) = (new List<double[]>(), new List<double[]>());
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(Sample("ours", count, address, seconds));
            theirs.Add(Sample("platform", count, address, seconds));
        }
        var (our, their) = (Median(ours, 0), Median(theirs, 0));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {count} connections, 125 B | {our:N0} | {their:N0} | {our / their:F2} | {Median(ours, 1):N0} | {Median(theirs, 1):N0} |"
            )
        );
    }
    server.Kill();
}

static double Median(List<double[]> samples, int index) =>
    samples.Select(sample => sample[index]).Order().ElementAt(samples.Count / 2);

static double[] Sample(string kind, int count, string address, string seconds)
{
    using var client = Start("1", "--client", kind, $"{count}", address, seconds);
    var line = client.StandardOutput.ReadLine()!;
    client.WaitForExit();
    return [.. line.Split(' ').Select(text => double.Parse(text, CultureInfo.InvariantCulture))];
}

// On a processor of its own where there is taskset.
static Process Start(string processor, params string[] arguments)
{
    var isPinned = OperatingSystem.IsLinux() && File.Exists("/usr/bin/taskset");
    var start = new ProcessStartInfo(isPinned ? "/usr/bin/taskset" : Environment.ProcessPath!)
    {
        RedirectStandardOutput = true,
    };
    if (isPinned)
        foreach (var argument in new[] { "-c", processor, Environment.ProcessPath! })
            start.ArgumentList.Add(argument);
    foreach (var argument in arguments)
        start.ArgumentList.Add(argument);
    return Process.Start(start)!;
}
