using System.Diagnostics;
using System.Globalization;

namespace EndToEnd;

/// <summary>What one server did in one round.</summary>
/// <param name="Rate">Messages per second.</param>
/// <param name="PerCpu">Messages per second of its CPU time.</param>
/// <param name="ReplySize">The bytes of a compressed reply on the wire, on average; 0 for none.</param>
internal readonly record struct Sample(double Rate, double PerCpu, double ReplySize);

/// <summary>A server in a process of its own.</summary>
internal sealed class ServerProcess(Process process, int port) : IDisposable
{
    public int Port => port;

    /// <summary>The memory that it has resident, in KiB, after it has collected what is garbage.</summary>
    public long ResidentKib
    {
        get
        {
            process.StandardInput.WriteLine();
            _ = process.StandardOutput.ReadLine();
            process.Refresh();
            return process.WorkingSet64 / 1024;
        }
    }

    /// <param name="name">The server, or the path of another build of this program: then its server.</param>
    /// <param name="deflate">How it compresses.</param>
    public static ServerProcess Start(string name, Deflate deflate)
    {
        if (File.Exists(name))
            return Start(new ProcessStartInfo(name), "ours", deflate);
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
            start.ArgumentList.Add(typeof(ServerProcess).Assembly.Location);
        return Start(start, name, deflate);
    }

    private static ServerProcess Start(ProcessStartInfo start, string name, Deflate deflate)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardInput = true;
        start.ArgumentList.Add("--server");
        start.ArgumentList.Add(name);
        start.ArgumentList.Add($"{deflate}");
        var process = Process.Start(start)!;
        return new ServerProcess(
            process,
            int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture)
        );
    }

    public Sample Measure(Scenario scenario, TimeSpan time)
    {
        var clients = Enumerable
            .Range(0, scenario.Connections)
            .Select(_ => new Client(port, scenario))
            .ToArray();
        using var end = new CancellationTokenSource();
        var total = 0L;
        var threads = clients
            .Select(client => new Thread(() => Interlocked.Add(ref total, client.Run(end.Token))))
            .ToArray();

        process.Refresh();
        var cpu = process.TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        foreach (var thread in threads)
            thread.Start();
        Thread.Sleep(time);
        end.Cancel();
        foreach (var thread in threads)
            thread.Join();
        var elapsed = clock.Elapsed;
        process.Refresh();
        cpu = process.TotalProcessorTime - cpu;
        var bytes = clients.Sum(client => client.CompressedBytes);
        foreach (var client in clients)
            client.Dispose();
        return new(
            total / elapsed.TotalSeconds,
            total / cpu.TotalSeconds,
            (double)bytes / Math.Max(total, 1)
        );
    }

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
    }
}
