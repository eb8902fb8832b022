namespace EndToEnd;

/// <summary>The memory that a compressed connection takes, in its several states, beside a plain one.</summary>
internal static class ConnectionMemory
{
    // Connections take some memory once that is not theirs: so many are made before.
    private const int Warmup = 100;

    // Longer than a history is kept without use.
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(13);

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    public static void Compare(int count)
    {
        Console.WriteLine($"KiB resident for a connection, of {count}");
        Console.WriteLine(
            $"{"server", -8} {"agreed on", -10} {"idle", 8} {"one message", 12} {"ten more", 9} {"quiet", 8}"
        );
        foreach (var name in Servers.Names)
        {
            foreach (var deflate in Enum.GetValues<Deflate>())
                Measure(name, deflate, count);
        }
    }

    private static void Measure(string name, Deflate deflate, int count)
    {
        var scenario = new Scenario("memory", count, 1, 1_024, true, deflate, IsJson: true);
        using var server = ServerProcess.Start(name, deflate);
        foreach (var client in Connect(server, scenario, Warmup))
        {
            client.Exchange(0);
            client.Dispose();
        }
        Thread.Sleep(Settling);
        var before = server.ResidentKib;
        var clients = Connect(server, scenario, count);
        var idle = After(Settling);
        var active = AfterMessages(1);
        var more = AfterMessages(10);
        var quiet = After(Quiet);
        Console.WriteLine(
            $"{name, -8} {deflate, -10} {idle, 8:F1} {active, 12:F1} {more, 9:F1} {quiet, 8:F1}"
        );
        foreach (var client in clients)
            client.Dispose();

        double After(TimeSpan time)
        {
            Thread.Sleep(time);
            return (double)(server.ResidentKib - before) / count;
        }

        double AfterMessages(int messages)
        {
            foreach (var client in clients)
            {
                for (var message = 0; message < messages; message++)
                    client.Exchange(message);
            }
            return After(Settling);
        }
    }

    private static Client[] Connect(ServerProcess server, Scenario scenario, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => new Client(server.Port, scenario))];
}
