using System.Diagnostics;
using System.Globalization;

namespace EndToEnd;

/// <summary>One scenario on all servers, in turns.</summary>
internal static class Comparison
{
    public static string Run(Scenario scenario, TimeSpan time, int rounds)
    {
        var servers = Servers.Names.Select(ServerProcess.Start).ToArray();
        try
        {
            foreach (var server in servers)
                server.Measure(scenario, time); // until the JIT has settled
            var samples = new List<(double Rate, double PerCpu)[]>();
            for (var round = 0; round < rounds; round++)
                samples.Add([.. servers.Select(server => server.Measure(scenario, time))]);
            return Format(scenario, samples);
        }
        finally
        {
            foreach (var server in servers)
                server.Dispose();
        }
    }

    private static string Format(Scenario scenario, List<(double Rate, double PerCpu)[]> samples)
    {
        double MedianOf(Func<(double Rate, double PerCpu)[], double> value)
        {
            var sorted = samples.Select(value).Order().ToArray();
            return sorted[sorted.Length / 2];
        }

        var ours = (Rate: MedianOf(s => s[0].Rate), PerCpu: MedianOf(s => s[0].PerCpu));
        var kestrel = (Rate: MedianOf(s => s[1].Rate), PerCpu: MedianOf(s => s[1].PerCpu));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{scenario.Name, -8} {ours.Rate, 10:N0} {kestrel.Rate, 10:N0} {ours.Rate / kestrel.Rate, 6:F2}   {ours.PerCpu, 11:N0} {kestrel.PerCpu, 13:N0} {ours.PerCpu / kestrel.PerCpu, 6:F2}"
        );
    }

    private sealed class ServerProcess(Process process, int port) : IDisposable
    {
        public static ServerProcess Start(string name)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!)
            {
                RedirectStandardOutput = true,
            };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet")
                start.ArgumentList.Add(typeof(Comparison).Assembly.Location);
            start.ArgumentList.Add("--server");
            start.ArgumentList.Add(name);
            var process = Process.Start(start)!;
            return new ServerProcess(
                process,
                int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture)
            );
        }

        public (double Rate, double PerCpu) Measure(Scenario scenario, TimeSpan time)
        {
            var clients = Enumerable
                .Range(0, scenario.Connections)
                .Select(_ => new Client(port, scenario))
                .ToArray();
            using var end = new CancellationTokenSource();
            var total = 0L;
            var threads = clients
                .Select(client => new Thread(() =>
                    Interlocked.Add(ref total, client.Run(end.Token))
                ))
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
            foreach (var client in clients)
                client.Dispose();
            return (total / elapsed.TotalSeconds, total / cpu.TotalSeconds);
        }

        public void Dispose()
        {
            process.Kill();
            process.Dispose();
        }
    }
}
