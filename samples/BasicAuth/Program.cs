// A server for people who log in, with a page and a health check on the same port.
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs;
using FunctionalWs.Protocol;

const string Page = """
    <!doctype html><html lang="en"><meta charset="utf-8"><title>Basic authentication</title>
    <script>
    const socket = new WebSocket(location.href.replace("http", "ws")); // the browser sends the page's credentials along
    socket.onmessage = event => document.body.append(event.data);
    </script><body>
    """;

if (!int.TryParse(args is [var text] ? text : "8765", out var port) || port is < 0 or > 65535)
{
    Console.Error.WriteLine(
        "usage: BasicAuth [PORT]    0 to 65535, 0 for any free one, 8765 by default"
    );
    return 2;
}

ProcessRequest health = (connection, request) =>
    request.Target == "/health" ? connection.Respond(200, "healthy\n") : null;

// Passwords belong into a database, hashed: BasicAuth.Create also takes a function that looks there.
var login = BasicAuth.Create(
    new Dictionary<string, string> { ["alice"] = "secret", ["bob"] = "hidden" },
    realm: "sample"
);

// A browser asks for the page first, without the headers of a WebSocket.
ProcessRequest page = (_, request) =>
    request.Headers.Contains("Upgrade")
        ? null
        : Response.Bytes(200, Encoding.UTF8.GetBytes(Page), "text/html; charset=utf-8");

var options = new ServerOptions
{
    ProcessRequest = health.Then(login).Then(page),
    ProcessResponse = (_, _, response) => response.WithHeader("X-Content-Type-Options", "nosniff"),
    // Browsers send credentials whoever's page opens the connection, so only this server's own page may.
    Origins = [new Regex(@"http://(localhost|127\.0\.0\.1):\d+"), Origin.None],
};

try
{
    using var server = Server.Serve(Greet, "localhost", port, options);
    Console.WriteLine($"listening on http://{server.LocalEndPoint}/");
    Console.WriteLine("Open it and log in as alice with the password secret, or try");
    Console.WriteLine($"    curl http://{server.LocalEndPoint}/health");
    Console.WriteLine($"    curl http://alice:secret@{server.LocalEndPoint}/");
    return server.Run();
}
catch (SocketException error)
{
    Console.Error.WriteLine($"can't listen on port {port}: {error.Message}");
    return 1;
}

static void Greet(ServerConnection connection)
{
    connection.Send($"Hello, {connection.Username}!");
    foreach (var message in connection)
        connection.Send($"{connection.Username} said: {message.Text}");
}
