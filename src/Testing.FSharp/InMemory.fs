// Servers without an address, and what their clients in tests do, as functions.
namespace FunctionalWs.FSharp.Testing

open System
open System.Net
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol
open FunctionalWs.Testing

/// <summary>
/// Servers in memory, for tests of handlers, and functions of their clients. The code is the server's own; there is no port, no kernel and
/// no TLS. A handler is what <c>WebSocket.serve</c> takes: a function that blocks, one of <c>Messages</c>, or a task in <c>Handler.ofTask</c>.
/// A name with <c>With</c> takes the settings first; the server or the client comes last.
/// </summary>
module InMemory =

    // ---- Servers

    /// <summary>Makes a server with a handler; dispose of it at the end of the test.</summary>
    /// <param name="options">
    /// Settings, such as <c>Options.server |> Options.timeProvider clock</c> with a <c>ManualTimeProvider</c>. What is about listening and
    /// TLS has no effect.
    /// </param>
    /// <param name="handler">The handler to test.</param>
    /// <exception cref="T:System.ArgumentException">An option is wrong.</exception>
    let serveWith (options: ServerOptions) (handler: ServerConnection -> unit) : InMemoryServer =
        InMemoryServer.Serve(Delegates.ofHandler handler, options)

    /// <summary>Makes a server with a handler and default settings; dispose of it at the end of the test.</summary>
    /// <param name="handler">The handler to test.</param>
    let serve (handler: ServerConnection -> unit) : InMemoryServer = serveWith Options.server handler

    /// <summary>Makes a server with rules; dispose of it at the end of the test.</summary>
    /// <param name="options">Settings, as for <c>serveWith</c>.</param>
    /// <param name="rules">The rules, as <c>Route</c> makes them.</param>
    /// <exception cref="T:System.ArgumentException">A rule or an option is wrong, as told by <c>WebSocket.routeWith</c>.</exception>
    let routeWith (options: ServerOptions) (rules: Rule seq) : InMemoryServer =
        InMemoryServer.Route(UrlMap rules, options)

    /// <summary>Makes a server with rules and default settings; dispose of it at the end of the test.</summary>
    /// <param name="rules">The rules, as <c>Route</c> makes them.</param>
    /// <exception cref="T:System.ArgumentException">A rule is wrong, as told by <c>WebSocket.routeWith</c>.</exception>
    let route (rules: Rule seq) : InMemoryServer = routeWith Options.server rules

    /// <summary>Connects clients in memory to a server that there is already; <c>InMemoryServer.For</c> tells more.</summary>
    /// <param name="server">A server that has been started.</param>
    let ofServer (server: Server) : InMemoryServer = InMemoryServer.For server

    /// <summary>
    /// What handlers have thrown, in order, without the exceptions with which a handler ends when its client leaves.
    /// </summary>
    /// <param name="server">The server.</param>
    /// <exception cref="T:System.InvalidOperationException">The server was made elsewhere: its log has them.</exception>
    let handlerExceptions (server: InMemoryServer) : exn list = List.ofSeq server.HandlerExceptions

    // ---- Connecting

    /// <summary>Connects a client. The handshake is over when this returns; the handler runs on.</summary>
    /// <param name="options">What the client is and sends, such as <c>TestOptions.client |> TestOptions.subprotocols [ "chat.v2" ]</c>.</param>
    /// <param name="target">Path and query of the request, such as <c>/room/tea?name=Ada</c>.</param>
    /// <param name="server">The server.</param>
    /// <exception cref="T:FunctionalWs.HandshakeRefusedException">The server gave another answer than 101.</exception>
    /// <exception cref="T:System.IO.IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="T:System.TimeoutException">No answer came in time.</exception>
    /// <exception cref="T:System.ArgumentException">The target or an option is wrong.</exception>
    let connectWith (options: TestClientOptions) (target: string) (server: InMemoryServer) : TestClient =
        server.Connect(target, options)

    /// <summary>Connects a client with default settings; <c>connectWith</c> tells more.</summary>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    let connect (target: string) (server: InMemoryServer) : TestClient =
        connectWith TestOptions.client target server

    /// <summary>Connects a client, or gives the answer that refused it.</summary>
    /// <param name="options">What the client is and sends.</param>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    /// <exception cref="T:System.IO.IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="T:System.TimeoutException">No answer came in time.</exception>
    /// <exception cref="T:System.ArgumentException">The target or an option is wrong.</exception>
    let tryConnectWith
        (options: TestClientOptions)
        (target: string)
        (server: InMemoryServer)
        : Result<TestClient, Response> =
        try
            Ok(connectWith options target server)
        with :? HandshakeRefusedException as refused ->
            Error refused.Response

    /// <summary>Connects a client with default settings, or gives the answer that refused it; <c>tryConnectWith</c> tells more.</summary>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    let tryConnect (target: string) (server: InMemoryServer) : Result<TestClient, Response> =
        tryConnectWith TestOptions.client target server

    /// <summary>
    /// Connects a client as a program has it, with its pings, limits and threads: for tests of programs that are clients. Its waits have no
    /// limit of their own; dispose of it before the server.
    /// </summary>
    /// <param name="options">Settings, such as <c>Options.client</c>. What is about the way to the server has no effect.</param>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    /// <exception cref="T:FunctionalWs.HandshakeRefusedException">The server gave another answer than 101.</exception>
    /// <exception cref="T:System.IO.IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="T:System.TimeoutException">It took longer than the option <c>openTimeout</c>.</exception>
    /// <exception cref="T:System.ArgumentException">An option is wrong.</exception>
    let openWith (options: ClientOptions) (target: string) (server: InMemoryServer) : ClientConnection =
        server.Open(target, options)

    /// <summary>Asks for a page as a browser would, and gives the answer with its body.</summary>
    /// <param name="options">What the client is and sends.</param>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    /// <exception cref="T:System.IO.IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="T:System.IO.InvalidDataException">The answer breaks a rule of the protocol.</exception>
    /// <exception cref="T:System.TimeoutException">No answer came in time.</exception>
    /// <exception cref="T:System.ArgumentException">The target or an option is wrong.</exception>
    let getWith (options: TestClientOptions) (target: string) (server: InMemoryServer) : Response =
        server.Get(target, options)

    /// <summary>Asks for a page with default settings; <c>getWith</c> tells more.</summary>
    /// <param name="target">Path and query of the request.</param>
    /// <param name="server">The server.</param>
    let get (target: string) (server: InMemoryServer) : Response =
        getWith TestOptions.client target server

    // ---- Clients

    /// <summary>
    /// Waits for the next message, for as long as the option <c>timeout</c> says; <c>None</c> when the connection has closed normally, and no
    /// message is left.
    /// </summary>
    /// <param name="client">The client.</param>
    /// <exception cref="T:System.TimeoutException">No message came in time.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    let tryReceive (client: TestClient) : Message option =
        try
            Some(client.Receive())
        with :? ConnectionClosedOkException ->
            None

    /// <summary>Waits for the next message for some time, in a simulation of its time.</summary>
    /// <param name="time">How long at most; zero to take only what is there.</param>
    /// <param name="client">The client.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is negative, and not infinite.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    let receiveWithin (time: TimeSpan) (client: TestClient) : Arrival =
        try
            Arrival.Message(client.Receive time)
        with
        | :? TimeoutException -> Arrival.TimedOut
        | :? ConnectionClosedOkException -> Arrival.Ended

    /// <summary>Closes the connection, and waits until the server has ended the stream.</summary>
    /// <param name="code">What the server is told.</param>
    /// <param name="reason">Text for people: at most 123 bytes of UTF-8; may be empty.</param>
    /// <param name="client">The client.</param>
    /// <returns>What the server's close frame said; <c>None</c> when it ended the stream without one.</returns>
    /// <exception cref="T:System.ArgumentException">The reason is too long. Nothing was sent.</exception>
    /// <exception cref="T:System.TimeoutException">The server hasn't ended the stream in time.</exception>
    let close (code: CloseCode) (reason: string) (client: TestClient) : CloseStatus option =
        Option.ofObj (client.Close(code, reason))

    /// <summary>Waits until the server has closed the connection or ended the stream; answers its close frame.</summary>
    /// <param name="client">The client.</param>
    /// <returns>What the server's close frame said; <c>None</c> when it ended the stream without one.</returns>
    /// <exception cref="T:System.TimeoutException">The server hasn't ended the stream in time.</exception>
    let waitClosed (client: TestClient) : CloseStatus option = Option.ofObj (client.WaitClosed())

    /// <summary>What the server's close frame said; <c>None</c> as long as the client hasn't come across one.</summary>
    /// <param name="client">The client.</param>
    let closeStatus (client: TestClient) : CloseStatus option = Option.ofObj client.CloseStatus

    /// <summary>The subprotocol that the server chose; <c>None</c> when there is none (RFC 6455 §1.9).</summary>
    /// <param name="client">The client.</param>
    let subprotocol (client: TestClient) : string option = Option.ofObj client.Subprotocol
