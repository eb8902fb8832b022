// A server for people who log in, with a page and a health check on the same port:
//   curl http://localhost:8765/health
//   curl http://alice:secret@localhost:8765/
using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs;
using FunctionalWs.Protocol;

const string Page = """
    <!doctype html><meta charset="utf-8"><title>Login</title>
    <script>
    const socket = new WebSocket("ws://" + location.host + "/");
    socket.onmessage = event => document.body.append(event.data);
    </script><body>
    """;

ProcessRequest health = (connection, request) =>
    request.Target == "/health" ? connection.Respond(200, "healthy\n") : null;

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
    Origins = ["http://localhost:8765", new Regex(@"http://127\.0\.0\.1:\d+"), Origin.None],
};

using var server = Server.Serve(
    connection => connection.Send($"Hello, {connection.Username}!"),
    "localhost",
    args is [var port] ? int.Parse(port) : 8765,
    options
);
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // shutting down takes a moment
    server.Shutdown();
};
Console.WriteLine($"listening on http://{server.LocalEndPoint}/");
server.ServeForever();
