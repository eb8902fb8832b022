// One number that everybody sees and changes: state shared by threads, pushed to all pages at once.
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FunctionalWs;
using FunctionalWs.Protocol;

const string Page = """
    <!doctype html><html lang="en"><meta charset="utf-8"><title>Counter</title>
    <meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
    <style>
    body { font: 1.25rem system-ui, sans-serif; display: grid; place-content: center; justify-items: center; min-height: 90vh; gap: 1rem }
    output { font-size: 6rem; font-variant-numeric: tabular-nums }
    button { font: inherit; width: 4rem; height: 3rem }
    </style>
    <output id="value" aria-live="polite">…</output>
    <div><button id="minus" aria-label="one less">−</button> <button id="plus" aria-label="one more">+</button></div>
    <p id="users">connecting …</p>
    <script>
    const socket = new WebSocket(location.href.replace("http", "ws"));
    const show = (id, text) => document.getElementById(id).textContent = text;
    for (const id of ["plus", "minus"]) document.getElementById(id).onclick = () => socket.send(id);
    socket.onmessage = event => {
      const { value, users } = JSON.parse(event.data);
      show("value", value);
      show("users", users === 1 ? "only you are here" : users + " people are here");
    };
    socket.onclose = () => show("users", "the server is gone; reload the page to come back");
    </script>
    """;

if (!int.TryParse(args is [var text] ? text : "8765", out var port) || port is < 0 or > 65535)
{
    Console.Error.WriteLine(
        "usage: Counter [PORT]    0 to 65535, 0 for any free one, 8765 by default"
    );
    return 2;
}

var counter = new Counter();
var options = new ServerOptions
{
    ProcessRequest = (_, request) =>
        request.Headers.Contains("Upgrade")
            ? null // not the browser's first request, but that of the page's script
            : Response.Bytes(200, Encoding.UTF8.GetBytes(Page), "text/html; charset=utf-8"),
    MaxMessageSize = 100,
};

try
{
    using var server = Server.Serve(counter.Serve, "localhost", port, options);
    Console.WriteLine($"listening on http://{server.LocalEndPoint}/");
    Console.WriteLine("Open it in two windows and press the buttons; Ctrl+C stops the server.");
    return server.Run();
}
catch (SocketException error)
{
    Console.Error.WriteLine($"can't listen on port {port}: {error.Message}");
    return 1;
}

/// <summary>The number and who sees it. Every connection's thread comes here; the lock makes them take turns.</summary>
internal sealed class Counter
{
    private readonly object gate = new();
    private readonly HashSet<ServerConnection> users = [];
    private int value;

    /// <summary>The handler: one call for each client, each on a thread of its own.</summary>
    public void Serve(ServerConnection connection)
    {
        Change(() => users.Add(connection));
        try
        {
            foreach (var message in connection)
            {
                switch (message.Text)
                {
                    case "plus":
                        Change(() => value++);
                        break;
                    case "minus":
                        Change(() => value--);
                        break;
                    default:
                        connection.Close(CloseCode.PolicyViolation, "plus or minus is expected");
                        return;
                }
            }
        }
        finally
        {
            Change(() => users.Remove(connection));
        }
    }

    // Pushed inside the lock, so that nobody sees an older number after a newer one. That holds nobody up: a broadcast
    // never waits for a client.
    private void Change(Action change)
    {
        lock (gate)
        {
            change();
            Broadcast.Send(users, JsonSerializer.Serialize(new { value, users = users.Count }));
        }
    }
}
