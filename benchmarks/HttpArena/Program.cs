// The entry for HttpArena's WebSocket profiles: /ws on port 8080 of all addresses echoes text as text and binary as binary.
// Another port: HttpArena 9000.
using FunctionalWs;

var port = args is [var text] ? int.Parse(text) : 8080;
var options = new ServerOptions { MaxConnections = 20_000 }; // the board has 16,384, the default is 10,000
using var server = Router.Route([new Rule("/ws", Echo)], host: null, port, options: options);
server.ServeForever();

static void Echo(ServerConnection connection)
{
    foreach (var message in connection.Lent()) // lent until the next one comes, so nothing is allocated
        connection.Send(message);
}
