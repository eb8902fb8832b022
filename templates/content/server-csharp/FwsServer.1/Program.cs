using FunctionalWs;

var port = args is [var text] ? int.Parse(text) : 8765;
using var server = Server.Serve(Echo.Handle, "localhost", port);
Console.WriteLine($"listening on ws://{server.LocalEndPoint}/");
return server.Run(); // until Ctrl+C or SIGTERM: clients are told first, and have a moment to leave
