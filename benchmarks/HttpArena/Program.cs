// The entry for HttpArena's WebSocket profiles: /ws on port 8080 of all addresses echoes text as text and binary as binary.
// Another port: HttpArena 9000.
using FunctionalWs;

var port = args is [var text] ? int.Parse(text) : 8080;
var options = new ServerOptions
{
    MaxConnections = 20_000, // the board has 16,384, the default is 10,000
    ProcessRequest = (connection, request) =>
        request.Target == "/ws" ? null : connection.Respond(404, "Not found\n"),
};
using var server = Server.Serve(_ => new Echo(), host: null, port, options);
server.ServeForever();

internal sealed class Echo : MessageHandler
{
    // Lent until it returns, so nothing is allocated.
    public override void Received(ServerConnection connection, LentMessage message) =>
        connection.Send(message);
}
