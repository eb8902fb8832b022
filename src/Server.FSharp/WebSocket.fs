// Servers made by functions. Everything else is FunctionalWs.Server's own surface, which F# uses as it is.
namespace FunctionalWs.FSharp

open FunctionalWs
open FunctionalWs.Protocol

/// <summary>Makes servers and their hooks of F# functions.</summary>
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
