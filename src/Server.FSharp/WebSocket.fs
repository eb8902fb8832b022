// Servers of functions, and connections of clients. A name with `With` takes the settings first.
namespace FunctionalWs.FSharp

open System.Net
open System.Net.Sockets
open FunctionalWs

/// <summary>
/// Makes servers of F# functions, and connects clients. A handler is called for each connection on its own thread: when it returns, the
/// connection is closed with 1000, when it throws with 1011. One of <c>Messages</c> is called for each message. A server accepts with
/// <c>Start</c>, <c>ServeForever</c> or <c>Run</c>, and ends when it is disposed of or shut down.
/// </summary>
module WebSocket =

    // ---- One handler

    /// <summary>Makes a server that listens on an address.</summary>
    /// <param name="options">Settings, such as <c>Options.server |> Options.maxConnections 100</c>.</param>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see the server's <c>LocalEndPoint</c>.</param>
    /// <param name="handler">Called for each connection on its own thread; or one of <c>Messages</c>.</param>
    /// <exception cref="T:System.ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The address is in use or not to be had.</exception>
    let serveWith
        (options: ServerOptions)
        (host: string)
        (port: int)
        (handler: ServerConnection -> unit)
        : Server =
        Server.Serve(Delegates.ofHandler handler, host, port, options)

    /// <summary>Makes a server with default settings that listens on an address; <c>serveWith</c> tells more.</summary>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see the server's <c>LocalEndPoint</c>.</param>
    /// <param name="handler">Called for each connection on its own thread; or one of <c>Messages</c>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The port is out of its range.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The address is in use or not to be had.</exception>
    let serve (host: string) (port: int) (handler: ServerConnection -> unit) : Server =
        serveWith Options.server host port handler

    /// <summary>Makes a server that listens on several addresses.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="endPoints">
    /// One or more of <c>IPEndPoint</c>, <c>DnsEndPoint</c> and <c>UnixDomainSocketEndPoint</c>.
    /// </param>
    /// <param name="handler">Called for each connection, as with one address.</param>
    /// <exception cref="T:System.ArgumentException">There is no address, or one of another kind, or an option is wrong.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">An address is in use or not to be had; then the server listens on none.</exception>
    let serveAllWith
        (options: ServerOptions)
        (endPoints: EndPoint list)
        (handler: ServerConnection -> unit)
        : Server =
        Server.Serve(Delegates.ofHandler handler, endPoints, options)

    /// <summary>Makes a server with default settings that listens on several addresses; <c>serveAllWith</c> tells more.</summary>
    /// <param name="endPoints">The addresses.</param>
    /// <param name="handler">Called for each connection, as with one address.</param>
    let serveAll (endPoints: EndPoint list) (handler: ServerConnection -> unit) : Server =
        serveAllWith Options.server endPoints handler

    /// <summary>Makes a server on a socket that is bound already, TCP or Unix; it is made to listen unless it does.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="handler">Called for each connection, as with an address.</param>
    /// <exception cref="T:System.ArgumentException">The socket is not a bound stream socket, or an option is wrong.</exception>
    let serveSocketWith
        (options: ServerOptions)
        (socket: Socket)
        (handler: ServerConnection -> unit)
        : Server =
        Server.Serve(Delegates.ofHandler handler, socket, options)

    /// <summary>Makes a server with default settings on a socket that is bound already; <c>serveSocketWith</c> tells more.</summary>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="handler">Called for each connection, as with an address.</param>
    let serveSocket (socket: Socket) (handler: ServerConnection -> unit) : Server =
        serveSocketWith Options.server socket handler

    /// <summary>Makes a server that listens on a Unix socket.</summary>
    /// <param name="options">Settings, <c>Options.unixSocketMode</c> among them.</param>
    /// <param name="path">Where the socket is to be, at most 107 bytes of UTF-8. A file that a server which is gone left there is replaced.</param>
    /// <param name="handler">Called for each connection, as with an address.</param>
    /// <exception cref="T:System.ArgumentException">The path can't be one of a Unix socket, or an option is wrong.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The path is in use or not to be had.</exception>
    let unixServeWith (options: ServerOptions) (path: string) (handler: ServerConnection -> unit) : Server =
        Server.UnixServe(Delegates.ofHandler handler, path, options)

    /// <summary>Makes a server with default settings that listens on a Unix socket; <c>unixServeWith</c> tells more.</summary>
    /// <param name="path">Where the socket is to be.</param>
    /// <param name="handler">Called for each connection, as with an address.</param>
    let unixServe (path: string) (handler: ServerConnection -> unit) : Server =
        unixServeWith Options.server path handler

    /// <summary>Makes a server on the sockets that systemd has opened for this process (<c>LISTEN_FDS</c>). They are taken once in a process.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="handler">Called for each connection, as with an address.</param>
    /// <exception cref="T:System.InvalidOperationException">systemd has passed no sockets to this process.</exception>
    /// <exception cref="T:System.ArgumentException">An option is wrong, or one of the sockets can't accept connections.</exception>
    let systemdServeWith (options: ServerOptions) (handler: ServerConnection -> unit) : Server =
        Server.SystemdServe(Delegates.ofHandler handler, options)

    /// <summary>Makes a server with default settings on the sockets of systemd; <c>systemdServeWith</c> tells more.</summary>
    /// <param name="handler">Called for each connection, as with an address.</param>
    let systemdServe (handler: ServerConnection -> unit) : Server = systemdServeWith Options.server handler

    // ---- A handler for each path

    /// <summary>Makes a server that listens on an address, and gives each connection the handler of the rule that takes its request.</summary>
    /// <param name="options">Settings. Their <c>processRequest</c> is asked before the rules.</param>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one.</param>
    /// <param name="rules">The rules, as <c>Route</c> makes them. Their order doesn't matter, unless two weigh the same.</param>
    /// <exception cref="T:System.ArgumentException">
    /// A rule can't be read, is never reached, or has a handler that takes other values; the message names the rule. Or an option is wrong.
    /// </exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">The address is in use or not to be had.</exception>
    let routeWith (options: ServerOptions) (host: string) (port: int) (rules: Rule seq) : Server =
        Router.Route(UrlMap rules, host, port, options = options)

    /// <summary>Makes a server with default settings that listens on an address and routes; <c>routeWith</c> tells more.</summary>
    /// <param name="host">An address or a name; empty for all addresses of the machine, IPv4 and IPv6.</param>
    /// <param name="port">1 to 65535, or 0 for any free one.</param>
    /// <param name="rules">The rules, as <c>Route</c> makes them.</param>
    let route (host: string) (port: int) (rules: Rule seq) : Server =
        routeWith Options.server host port rules

    /// <summary>Makes a server that routes, on a Unix socket; <c>routeWith</c> tells more of rules, <c>unixServeWith</c> of paths.</summary>
    /// <param name="options">Settings.</param>
    /// <param name="path">Where the socket is to be.</param>
    /// <param name="rules">The rules.</param>
    let unixRouteWith (options: ServerOptions) (path: string) (rules: Rule seq) : Server =
        Router.UnixRoute(UrlMap rules, path, options = options)

    /// <summary>Makes a server with default settings that routes, on a Unix socket.</summary>
    /// <param name="path">Where the socket is to be.</param>
    /// <param name="rules">The rules.</param>
    let unixRoute (path: string) (rules: Rule seq) : Server = unixRouteWith Options.server path rules

    // ---- Clients

    /// <summary>Connects to a server, and returns when the connection is open. Dispose of it to close it.</summary>
    /// <param name="options">Settings, such as <c>Options.client |> Options.bearerToken (Some "…")</c>.</param>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    /// <exception cref="T:System.UriFormatException">The URI is none of a WebSocket.</exception>
    /// <exception cref="T:System.ArgumentException">An option has a value that it can't have.</exception>
    /// <exception cref="T:FunctionalWs.HandshakeRefusedException">The answer opens no WebSocket.</exception>
    /// <exception cref="T:System.TimeoutException">It took longer than the option <c>openTimeout</c>.</exception>
    /// <exception cref="T:System.Net.Sockets.SocketException">Nobody answers.</exception>
    /// <exception cref="T:System.IO.IOException">The stream broke, or what answers is no WebSocket server.</exception>
    let connectWith (options: ClientOptions) (uri: string) : ClientConnection = Client.Connect(uri, options)

    /// <summary>Connects to a server with default settings; <c>connectWith</c> tells more.</summary>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    let connect (uri: string) : ClientConnection = connectWith Options.client uri

    /// <summary>Connects to a server that listens on a Unix socket; <c>connectWith</c> tells more.</summary>
    /// <param name="options">Settings. No proxy is asked.</param>
    /// <param name="path">The socket's path.</param>
    /// <param name="uri">What the server is asked for, such as <c>ws://localhost/</c>.</param>
    let unixConnectWith (options: ClientOptions) (path: string) (uri: string) : ClientConnection =
        Client.UnixConnect(path, uri, options)

    /// <summary>Connects again and again: one connection at a time, the next when one has ended; <c>Client.ConnectForever</c> tells more.</summary>
    /// <param name="options">Settings of the connections.</param>
    /// <param name="reconnecting">How long to wait, and when to give up, such as <c>ReconnectOptions()</c>.</param>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    let connectForeverWith
        (options: ClientOptions)
        (reconnecting: ReconnectOptions)
        (uri: string)
        : ClientConnection seq =
        Client.ConnectForever(uri, options, reconnecting)

    /// <summary>Connects again and again with default settings.</summary>
    /// <param name="uri">Where to, such as <c>wss://example.com/feed</c>.</param>
    let connectForever (uri: string) : ClientConnection seq =
        connectForeverWith Options.client (ReconnectOptions()) uri
