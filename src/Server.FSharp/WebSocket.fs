// Servers and clients made by functions. Everything else is the C# packages' own surface, which F# uses as it is.
namespace FunctionalWs.FSharp

open FunctionalWs
open FunctionalWs.Protocol

/// <summary>Makes servers and their hooks of F# functions, and connects clients.</summary>
module WebSocket =

    /// <summary>
    /// Makes a server that listens on an address. It accepts with <c>Start</c> or <c>ServeForever</c>, and ends when it is
    /// disposed of or shut down.
    /// </summary>
    /// <param name="options">Settings, such as <c>ServerOptions(MaxQueue = 4)</c>.</param>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see the server's <c>LocalEndPoint</c>.</param>
    /// <param name="handler">
    /// Called for each connection on its own thread. When it returns, the connection is closed with 1000, when it throws with
    /// 1011.
    /// </param>
    /// <exception cref="T:System.ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The address is in use or not to be had.</exception>
    [<CompiledName("ServeWith")>]
    let serveWith
        (options: ServerOptions)
        (host: string)
        (port: int)
        (handler: ServerConnection -> unit)
        : Server =
        Server.Serve(handler, host, port, options)

    /// <summary>Makes a server with default settings that listens on an address; <c>serveWith</c> tells more.</summary>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see the server's <c>LocalEndPoint</c>.</param>
    /// <param name="handler">Called for each connection on its own thread.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The port is out of its range.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The address is in use or not to be had.</exception>
    [<CompiledName("Serve")>]
    let serve (host: string) (port: int) (handler: ServerConnection -> unit) : Server =
        serveWith (ServerOptions()) host port handler

    /// <summary>Makes a hook for requests of a function: a response answers the request, none lets the handshake go on.</summary>
    /// <param name="answer">Called for each request that keeps the rules, on the connection's own thread.</param>
    [<CompiledName("ProcessRequest")>]
    let processRequest (answer: ServerConnection -> Request -> Response option) : ProcessRequest =
        ProcessRequest(fun connection request -> answer connection request |> Option.toObj)

    /// <summary>Connects to a server, and returns when the connection is open. Dispose of it to close it.</summary>
    /// <param name="options">Settings, such as <c>ClientOptions(BearerToken = "…")</c>.</param>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    /// <exception cref="T:System.UriFormatException">The URI is none of a WebSocket.</exception>
    /// <exception cref="T:System.ArgumentException">An option has a value that it can't have.</exception>
    /// <exception cref="T:FunctionalWs.HandshakeRefusedException">The answer opens no WebSocket.</exception>
    /// <exception cref="T:System.TimeoutException">It took longer than <c>OpenTimeout</c>.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">Nobody answers.</exception>
    /// <exception cref="T:System.IO.IOException">The stream broke, or what answers is no WebSocket server.</exception>
    [<CompiledName("ConnectWith")>]
    let connectWith (options: ClientOptions) (uri: string) : ClientConnection = Client.Connect(uri, options)

    /// <summary>Connects to a server with default settings; <c>connectWith</c> tells more.</summary>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    [<CompiledName("Connect")>]
    let connect (uri: string) : ClientConnection = connectWith (ClientOptions()) uri

    /// <summary>Connects again and again: one connection at a time, the next when one has ended; <c>Client.ConnectForever</c> tells more.</summary>
    /// <param name="options">Settings of the connections.</param>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    [<CompiledName("ConnectForever")>]
    let connectForever (options: ClientOptions) (uri: string) : ClientConnection seq =
        Client.ConnectForever(uri, options)
