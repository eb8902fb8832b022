// A chat with rooms, and the page for it on the same port. Open http://localhost:8765/ in two windows.
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Web;
using FunctionalWs;
using FunctionalWs.Protocol;

if (!TryParse(args, out var port, out var host))
{
    Console.Error.WriteLine("usage: Chat [PORT [HOST]]");
    Console.Error.WriteLine("PORT is from 0 to 65535, 0 for any free one, 8765 by default;");
    Console.Error.WriteLine("HOST is localhost by default, 0.0.0.0 lets in other machines.");
    return 2;
}

var rooms = new Rooms();
UrlMap urlMap = [Rule.For<string>("/room/{room:maxlength(32)}", rooms.Join)];
var options = new ServerOptions
{
    ProcessRequest = Page.Answer, // asked before the rules: a browser gets the page first, without an upgrade
    MaxMessageSize = 16 * 1024,
    MaxBroadcastQueue = 256 * 1024, // what may wait for one slow client ..
    SlowPeerPolicy = SlowPeerPolicy.Disconnect, // .. before it is sent away; the others never wait for it
    CloseTimeout = TimeSpan.FromSeconds(3), // who doesn't read doesn't say goodbye either
};

try
{
    using var server = Router.Route(urlMap, host, port, options: options);
    Console.WriteLine($"listening on http://{server.LocalEndPoint}/");
    Console.WriteLine("Open it in two windows; Ctrl+C stops the server.");
    return server.Run(); // tells everybody 1001: their pages come back when the server does
}
catch (SocketException error)
{
    Console.Error.WriteLine($"can't listen on {host}:{port}: {error.Message}");
    return 1;
}

static bool TryParse(string[] args, out int port, out string host)
{
    host = args.Length > 1 ? args[1] : "localhost";
    port = 8765;
    return args.Length <= 2
        && (args.Length == 0 || int.TryParse(args[0], out port))
        && port is >= 0 and <= 65535;
}

/// <summary>Who is where. A room is gone with the last who was in it, and its history with it.</summary>
internal sealed class Rooms
{
    private const int MaxNameLength = 24;
    private const int MaxTextLength = 2000;

    private readonly Groups groups = new();

    /// <summary>The handler of /room/{room}: returns when the client has left.</summary>
    public void Join(ServerConnection connection, string name)
    {
        var group = groups[name.ToUpperInvariant()]; // "Tea" is the same room as "tea"
        group.Add(connection);
        var room = group.State(() => new Room());
        var person = room.Enter(connection, RequestedName(connection.Request));
        try
        {
            foreach (var message in connection)
            {
                if (!TryHandle(connection, room, person, message))
                {
                    connection.Close(CloseCode.PolicyViolation, "not understood");
                    return;
                }
            }
        }
        finally
        {
            room.Leave(connection);
        }
    }

    /// <summary>False for what is no message of this protocol.</summary>
    private static bool TryHandle(
        ServerConnection connection,
        Room room,
        string person,
        Message message
    )
    {
        try
        {
            using var json = JsonDocument.Parse(message.Data);
            switch (json.RootElement.GetProperty("type").GetString())
            {
                case "ping": // a browser can't send a ping of the protocol, so it measures with this
                    var id = json.RootElement.GetProperty("id").GetInt64();
                    connection.Send(JsonSerializer.Serialize(new { type = "pong", id }));
                    return true;
                case "say":
                    var text = json.RootElement.GetProperty("text").GetString()?.Trim();
                    if (text is null or "" || text.Length > MaxTextLength)
                        return false;
                    room.Say(person, text);
                    return true;
                default:
                    return false;
            }
        }
        catch (Exception error)
            when (error
                    is JsonException
                        or InvalidOperationException
                        or KeyNotFoundException
                        or FormatException
            )
        {
            return false;
        }
    }

    /// <summary>What the query calls the client: made fit to be shown, whatever it is.</summary>
    private static string RequestedName(Request request)
    {
        var query = request.Target.Split('?', 2) is [_, var found] ? found : "";
        var name = HttpUtility.ParseQueryString(query)["name"] ?? "";
        var runes = name.EnumerateRunes().Where(rune => !Rune.IsControl(rune)).Take(MaxNameLength);
        var shown = string.Concat(runes).Trim();
        return shown.Length > 0 ? shown : "guest";
    }
}

/// <summary>
/// The people in a room and what they said last. Nothing that is done under the lock waits for a client, and all people are told
/// in the same order.
/// </summary>
internal sealed class Room
{
    private const int MaxHistory = 50;

    private readonly Lock gate = new();
    private readonly Dictionary<ServerConnection, string> people = [];
    private readonly Queue<object> history = new();

    /// <summary>Welcomes somebody, and tells the others; what the room calls that person.</summary>
    public string Enter(ServerConnection connection, string requested)
    {
        lock (gate)
        {
            var person = FreeName(requested);
            Tell(new { type = "joined", name = person });
            people[connection] = person;
            // Through the same queue as what comes next, so in order; and it waits for nobody.
            Broadcast.Send([connection], Welcome(person));
            return person;
        }
    }

    public void Leave(ServerConnection connection)
    {
        lock (gate)
        {
            if (people.Remove(connection, out var person))
                Tell(new { type = "left", name = person });
        }
    }

    public void Say(string person, string text)
    {
        var said = new
        {
            type = "said",
            id = Guid.NewGuid(),
            name = person,
            text,
            at = DateTimeOffset.UtcNow,
        };
        lock (gate)
        {
            history.Enqueue(said);
            if (history.Count > MaxHistory)
                history.Dequeue();
            Tell(said);
        }
    }

    /// <summary>The name, or the name with a number when somebody has it.</summary>
    private string FreeName(string name)
    {
        var free = name;
        for (var i = 2; people.ContainsValue(free); i++)
            free = $"{name} {i}";
        return free;
    }

    /// <summary>
    /// Tells everybody who has been welcomed. A client that doesn't read in time is disconnected; nobody waits for it.
    /// </summary>
    private void Tell(object message) =>
        Broadcast.Send(people.Keys, JsonSerializer.Serialize(message));

    private string Welcome(string person) =>
        JsonSerializer.Serialize(
            new
            {
                type = "welcome",
                name = person,
                people = people.Values,
                history,
            }
        );
}

/// <summary>The page, which is all in one file: its script and its style are the only ones that browsers may use.</summary>
internal static class Page
{
    private static readonly Response Response = Make();

    /// <summary>The page for whoever asks without the headers of a WebSocket; null, to go on, for the others.</summary>
    public static Response? Answer(ServerConnection connection, Request request)
    {
        if (request.Headers.Contains("Upgrade"))
            return null;
        var path = request.Target.Split('?')[0];
        return path == "/" || path.StartsWith("/room/") ? Response : null;
    }

    private static Response Make()
    {
        using var file = typeof(Page).Assembly.GetManifestResourceStream("chat.html")!;
        var html = new StreamReader(file).ReadToEnd();
        var policy =
            $"default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            + $"frame-ancestors 'none'; script-src {Hash(html, "script")}; style-src {Hash(html, "style")}";
        return Response
            .Bytes(200, Encoding.UTF8.GetBytes(html), "text/html; charset=utf-8")
            .WithHeader("Content-Security-Policy", policy)
            .WithHeader("Cache-Control", "no-store")
            .WithHeader("Referrer-Policy", "no-referrer")
            .WithHeader("X-Content-Type-Options", "nosniff");
    }

    /// <summary>What a policy knows the one element of a name by.</summary>
    private static string Hash(string html, string element)
    {
        var begin = html.IndexOf($"<{element}>") + element.Length + 2;
        var content = html[begin..html.IndexOf($"</{element}>")];
        return $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}'";
    }
}
