using System.Net.WebSockets;
using System.Text;

namespace Snippets.Run;

/// <summary>What a client does with a block that serves.</summary>
internal sealed record Exchange(string Send, string Expect, string Address);

/// <summary>A block: where it is in the pages, and its code; none for a block that is only compiled.</summary>
internal sealed record Entry(string Where, Action? Run, Exchange? Exchange);

/// <summary>Runs the blocks one after the other and names those that fail.</summary>
internal static class Runner
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static int RunAll(Entry[] entries)
    {
        var failures = 0;
        foreach (var entry in entries)
        {
            if (Failure(entry) is not { } failure)
                continue;
            failures++;
            Console.Error.WriteLine($"{entry.Where}: {failure}");
        }

        var run = entries.Count(entry => entry.Run is not null);
        Console.WriteLine($"{entries.Length - run} blocks were only compiled");
        Console.WriteLine($"{run - failures} passed, {failures} failed");
        Environment.Exit(failures == 0 ? 0 : 1); // whatever the servers' threads do
        return failures;
    }

    private static string? Failure(Entry entry)
    {
        if (entry.Run is null)
            return null;
        Exception? error = null;
        var thread = new Thread(() => error = Catch(entry.Run)) { IsBackground = true };
        thread.Start();
        if (entry.Exchange is not { } exchange)
            return thread.Join(Patience) ? error?.ToString() : $"didn't end within {Patience}";
        var answer = Ask(exchange, thread).GetAwaiter().GetResult();
        return answer == exchange.Expect
            ? null
            : $"\"{exchange.Send}\" was answered with \"{answer}\", not \"{exchange.Expect}\" {error}";
    }

    private static Exception? Catch(Action run)
    {
        try
        {
            run();
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    // The server may not listen yet: ask again until it does, or its program has ended.
    private static async Task<string> Ask(Exchange exchange, Thread program)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            using var client = new ClientWebSocket();
            try
            {
                await client.ConnectAsync(new Uri(exchange.Address), patience.Token);
                return await Exchanged(client, exchange.Send, patience.Token);
            }
            catch (WebSocketException) when (program.IsAlive)
            {
                await Task.Delay(50, patience.Token);
            }
            catch (Exception error) when (error is WebSocketException or OperationCanceledException)
            {
                return $"({error.Message})";
            }
        }
    }

    private static async Task<string> Exchanged(
        ClientWebSocket client,
        string text,
        CancellationToken patience
    )
    {
        if (text != "")
            await client.SendAsync(
                Encoding.UTF8.GetBytes(text),
                WebSocketMessageType.Text,
                true,
                patience
            );
        var buffer = new byte[4096];
        var received = await client.ReceiveAsync(buffer.AsMemory(), patience);
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }
}
