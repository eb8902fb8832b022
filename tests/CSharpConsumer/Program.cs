// Uses every public member of the server once, as a stranger does who has the packages alone, and asserts what it does.
(string Name, Action Run)[] conversations =
[
    ("messages are values", Messages.Values),
    ("every way to receive", Messages.Received),
    ("every way to send", Messages.Sent),
    ("values as JSON", JsonValues.Exchanged),
    ("groups", GroupsOfConnections.Used),
    ("requests from the client", RequestsOverConnections.FromTheClient),
    ("requests to the client", RequestsOverConnections.ToTheClient),
    ("what one receives daily", Daily.Received),
    ("what one sends daily", Daily.Sent),
    ("a closing that nobody waits for", Daily.Begun),
    ("an end without a word", Daily.Aborted),
    ("path and query", Daily.Asked),
    ("a server that runs", Daily.Run),
    ("a client on a stream", Daily.Streamed),
    ("connections of one's own class", Daily.OwnConnections),
    ("hook and limit of a rule", Daily.OfOneRule),
    ("pings", Closing.Pinged),
    ("a server closes", Closing.ByServer),
    ("a client breaks the protocol", Closing.Abnormal),
    ("two calls receive at once", Closing.Refused),
    ("states", Closing.States),
    ("a recording", Recordings.RecordedAndReplayed),
    ("bytes explained", Exploring.Explained),
    ("states explored", Exploring.Explored),
    ("two ends joined", Exploring.Joined),
    ("what a connection tells of itself", Opening.Described),
    ("logins", Opening.Login),
    ("origins", Opening.Origins),
    ("lists", Values.Lists),
    ("frames", Values.Frames),
    ("steps", Values.Steps),
    ("routes", Values.Routes),
    ("subprotocols", Opening.Subprotocols),
    ("rules", Routing.Rules),
    ("URL maps", Routing.Maps),
    ("settings of routing", Routing.Options),
    ("a router", Routing.Served),
    ("a router on every listener", Routing.EveryListener),
    ("every way to listen", Listening.Servers),
    ("a server's life", Listening.Lifetime),
    ("TLS", Listening.Tls),
    ("broadcasts", Listening.Broadcasts),
    ("compressed messages", Compression.Messages),
    ("settings of compression", Compression.Settings),
    ("an extension around compression", Compression.OwnExtension),
    ("settings", Settings.All),
    ("heads of requests by hand", ByHand.Heads),
    ("handshakes by hand", ByHand.Handshakes),
    ("connections by hand", ByHand.Sides),
    ("the words of proxies", ByHand.Proxies),
    ("every way to write a handler", Handlers.Bound),
    ("handlers of rules", Handlers.Routed),
    ("handlers for messages", MessageHandlers.Called),
    ("handlers for messages that rules and tests make", MessageHandlers.Made),
    ("values as JSON, awaited", JsonValues.Awaited),
    ("messages as a sequence", Handlers.Enumerated),
    ("URIs", ClientSide.Uris),
    ("a client opens a connection", ClientSide.Opened),
    ("a client is refused", ClientSide.Refused),
    ("bodies of refusals", ClientSide.Bodies),
    ("tunnels through proxies", ClientSide.Tunnels),
    ("the client", Connected.Opened),
    ("the client on a Unix socket", Connected.ByPath),
    ("what the client asks for", Connected.Asked),
    ("settings of clients", Connected.Settings),
    ("settings of requests", RequestsOverConnections.Described),
    ("a refusal", Connected.Refused),
    ("connecting again", Connected.Again),
    ("a server in the Generic Host", OtherPackages.Hosted),
    ("classes for routes in a host without a port", OtherPackages.Routed),
    ("endpoints of ASP.NET Core", InAspNetCore.Served),
    ("a handler in memory", OtherPackages.InMemory),
    ("a simulation", OtherPackages.Simulated),
    ("all schedules of a test", OtherPackages.Explored),
];

var failed = 0;
foreach (var (name, run) in conversations)
{
    try
    {
        run();
    }
    catch (Exception error)
    {
        failed++;
        Console.WriteLine($"FAILED: {name}: {error}");
    }
}

Console.WriteLine($"{conversations.Length - failed} conversations held, {failed} failed");
return failed == 0 ? 0 : 1;
