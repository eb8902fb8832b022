// Options as pipelines: each function gives a copy with one value changed.
namespace FunctionalWs.FSharp

open System
open System.Collections.Generic
open System.Diagnostics.Metrics
open System.IO
open System.Net
open System.Net.Security
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Protocol

/// <summary>
/// Settings of servers and clients, as pipelines: <c>Options.server |> Options.maxConnections 100 |> Options.pingInterval None</c>. Each
/// function has the name of a property of <c>ServerOptions</c> or <c>ClientOptions</c>, which tells more of it, and gives a copy with
/// another value. What can be absent is an option, but for hooks and what makes connections: there is none until one is given. Values are checked once, when a server is made or a client connects; a time is more than
/// zero, and at most some 24 days.
/// </summary>
module Options =

    /// <summary>The defaults of a server.</summary>
    let server: ServerOptions = ServerOptions()

    /// <summary>The defaults of a client.</summary>
    let client: ClientOptions = ClientOptions()

    /// What the C# of both kinds gives is of the kind that it was given.
    let private like (_: 'O) (copy: ConnectionOptions) : 'O :> ConnectionOptions = downcast copy

    let private asList (items: 'T list option) : IReadOnlyList<'T> | null =
        match items with
        | Some items -> items
        | None -> null

    // ---- Of both

    /// <summary>
    /// The time that a closing may take, from the first close frame to the end; <c>None</c> for no limit. 10 seconds by default.
    /// </summary>
    let closeTimeout (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.CloseTimeout(options, Option.toNullable time)
        |> like options

    /// <summary>
    /// The time that the opening may take: a server's wait for a request, and once more for the client to take the answer; all steps
    /// of a client's. <c>None</c> for no limit. 10 seconds by default.
    /// </summary>
    let openTimeout (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.OpenTimeout(options, Option.toNullable time)
        |> like options

    /// <summary>
    /// The time between two pings of the keepalive; <c>None</c> for no keepalive. 20 seconds by default (RFC 6455 §5.5.2).
    /// </summary>
    let pingInterval (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.PingInterval(options, Option.toNullable time)
        |> like options

    /// <summary>
    /// The time from a keepalive ping until something has to come from the peer; <c>None</c> to expect nothing. 20 seconds by
    /// default.
    /// </summary>
    let pingTimeout (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.PingTimeout(options, Option.toNullable time)
        |> like options

    /// <summary>The time that a call may wait for a peer that does not read; <c>None</c>, the default, for no limit.</summary>
    let sendTimeout (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.SendTimeout(options, Option.toNullable time)
        |> like options

    /// <summary>
    /// The time that a message may take to arrive, from its first byte to its last; <c>None</c>, the default, for no limit.
    /// </summary>
    let messageTimeout (time: TimeSpan option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MessageTimeout(options, Option.toNullable time)
        |> like options

    /// <summary>
    /// The largest message that is accepted, in bytes: 0 or more; <c>None</c> for the most that an array can hold. 1 MiB by default.
    /// </summary>
    let maxMessageSize (bytes: int option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MaxMessageSize(options, Option.toNullable bytes)
        |> like options

    /// <summary>
    /// The largest frame of a message that is accepted, in bytes: 0 or more; <c>None</c>, the default, for no limit of its own.
    /// </summary>
    let maxFragmentSize (bytes: int option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MaxFragmentSize(options, Option.toNullable bytes)
        |> like options

    /// <summary>The most frames of which one message may consist: 1 or more; 262,144 by default.</summary>
    let maxFragments (frames: int) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MaxFragments(options, frames) |> like options

    /// <summary>
    /// The number of messages read ahead while nobody receives: 1 or more; <c>None</c> for no limit. 16 by default.
    /// </summary>
    let maxQueue (messages: int option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MaxQueue(options, Option.toNullable messages)
        |> like options

    /// <summary>
    /// The number of messages at which reading ahead goes on: 0 to <c>maxQueue</c>; <c>None</c>, the default, for a quarter of it.
    /// </summary>
    let maxQueueLow (messages: int option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MaxQueueLow(options, Option.toNullable messages)
        |> like options

    /// <summary>
    /// True, the default, to refuse text that is not UTF-8 (RFC 6455 §8.1); false for relays that pass it on unread.
    /// </summary>
    let validateText (isValidated: bool) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.ValidateText(options, isValidated) |> like options

    /// <summary>True, the default, to send small messages together while further complete messages wait to be handled.</summary>
    let coalesceOutput (isCoalesced: bool) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.CoalesceOutput(options, isCoalesced) |> like options

    /// <summary>Compression of messages (RFC 7692); <c>None</c> to have none. On by default.</summary>
    let compression (deflate: PerMessageDeflate option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.Compression(options, Option.toObj deflate) |> like options

    /// <summary>
    /// Subprotocols in order of preference: those that a server takes, or that a client offers; empty by default (RFC 6455 §1.9).
    /// </summary>
    let subprotocols (names: string list) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.Subprotocols(options, names) |> like options

    /// <summary>
    /// Where the log is written: warnings and errors to standard error by default; <c>NullLoggerFactory.Instance</c> for nothing.
    /// </summary>
    let loggerFactory (factory: ILoggerFactory) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.LoggerFactory(options, factory) |> like options

    /// <summary>
    /// Where the meter <c>FunctionalWs</c> comes from; <c>None</c>, the default, for one that the process has in common.
    /// </summary>
    let meterFactory (factory: IMeterFactory option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.MeterFactory(options, Option.toObj factory)
        |> like options

    /// <summary>How much is kept of each connection's last steps; <c>None</c>, the default, for nothing.</summary>
    let flightRecorder (recorder: FlightRecorderOptions option) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.FlightRecorder(options, Option.toObj recorder)
        |> like options

    /// <summary>The clock of all timeouts; the system's by default.</summary>
    let timeProvider (clock: TimeProvider) (options: 'O :> ConnectionOptions) : 'O =
        ConnectionOptionsCopy.TimeProvider(options, clock) |> like options

    // ---- Of servers

    /// <summary>The most connections at a time, handshakes included: 1 or more; 10,000 by default.</summary>
    let maxConnections (connections: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxConnections(options, connections)

    /// <summary>
    /// The most handshakes that may be pending at a time: 1 or more; <c>None</c>, the default, for no limit of their own.
    /// </summary>
    let maxPendingHandshakes (handshakes: int option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxPendingHandshakes(options, Option.toNullable handshakes)

    /// <summary>
    /// The most connections at a time from one address (/64 of IPv6): 1 or more; <c>None</c>, the default, for no limit.
    /// </summary>
    let maxConnectionsPerAddress (connections: int option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxConnectionsPerAddress(options, Option.toNullable connections)

    /// <summary>
    /// How long a connection lives at most, and up to a tenth less; <c>None</c>, the default, for no limit. Then it is closed with 1001.
    /// </summary>
    let maxLifetime (time: TimeSpan option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxLifetime(options, Option.toNullable time)

    /// <summary>
    /// The size of a connection's thread's stack, in bytes: 131,072 or more; <c>None</c>, the default, for the system's.
    /// </summary>
    let threadStackSize (bytes: int option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ThreadStackSize(options, Option.toNullable bytes)

    /// <summary>The most threads that call handlers for messages at a time: 1 or more; 256 by default.</summary>
    let maxMessageThreads (threads: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxMessageThreads(options, threads)

    /// <summary>
    /// The memory that broadcast messages may take which wait for one peer, in bytes: 0 or more; 1 MiB by default.
    /// </summary>
    let maxBroadcastQueue (bytes: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxBroadcastQueue(options, bytes)

    /// <summary>
    /// The memory that what waits in all connections together may take, in bytes: 1 MiB or more; <c>None</c>, the default, for no
    /// limit.
    /// </summary>
    let maxBufferedBytes (bytes: int64 option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxBufferedBytes(options, Option.toNullable bytes)

    /// <summary>
    /// What becomes of a broadcast message for a peer that doesn't read fast enough: it is skipped, by default.
    /// </summary>
    let slowPeerPolicy (policy: SlowPeerPolicy) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.SlowPeerPolicy(options, policy)

    /// <summary>Origins that may connect; <c>None</c>, the default, lets everyone in (RFC 6455 §10.2).</summary>
    let origins (allowed: Origin list option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.Origins(options, asList allowed)

    /// <summary>Chooses the subprotocol in place of the order of preference of <c>subprotocols</c>.</summary>
    let selectSubprotocol (choose: SubprotocolChoice) (options: ServerOptions) : ServerOptions =
        let choice =
            SelectSubprotocol(fun connection offered ->
                choose connection (List.ofSeq offered) |> Option.toObj)

        ServerOptionsCopy.SelectSubprotocol(options, choice)

    /// <summary>Extensions of the protocol beside compression; none by default (RFC 6455 §9).</summary>
    let extensions (extensions: IServerExtension list) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.Extensions(options, extensions)

    /// <summary>The value of the <c>Server</c> header; <c>None</c> to leave it out. <c>FunctionalWs</c> by default.</summary>
    let serverHeader (value: string option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ServerHeader(options, Option.toObj value)

    /// <summary>
    /// Makes each connection, for a class of one's own that derives from <c>ServerConnection</c>. Called on the thread that accepts.
    /// </summary>
    let createConnection
        (create: ConnectionStart -> ServerConnection)
        (options: ServerOptions)
        : ServerOptions =
        ServerOptionsCopy.CreateConnection(options, create)

    /// <summary>Sees each request before it is judged, to answer it in some other way.</summary>
    let processRequest (hook: RequestHook) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ProcessRequest(options, Hook.toDelegate hook)

    /// <summary>Sees each response before it is sent, to change it.</summary>
    let processResponse (hook: ResponseHook) (options: ServerOptions) : ServerOptions =
        let seen =
            ProcessResponse(fun connection request response ->
                hook connection request response |> Option.toObj)

        ServerOptionsCopy.ProcessResponse(options, seen)

    /// <summary>True to let in clients that forget <c>Connection: Upgrade</c>; false by default (RFC 6455 §4.2.1).</summary>
    let allowMissingConnectionUpgrade (isAllowed: bool) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.AllowMissingConnectionUpgrade(options, isAllowed)

    /// <summary>The largest request head that is read, in bytes: 64 to 16,777,216; 65,536 by default.</summary>
    let maxRequestHeadSize (bytes: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxRequestHeadSize(options, bytes)

    /// <summary>The longest request line, in bytes: 64 to 16,777,216; 8,192 by default.</summary>
    let maxRequestLineLength (bytes: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxRequestLineLength(options, bytes)

    /// <summary>The longest header line, in bytes: 64 to 16,777,216; 8,192 by default.</summary>
    let maxHeaderLineLength (bytes: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxHeaderLineLength(options, bytes)

    /// <summary>The most header lines of a request: 1 or more; 128 by default.</summary>
    let maxHeaderCount (lines: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.MaxHeaderCount(options, lines)

    /// <summary>How many clients the kernel keeps waiting to be accepted: 1 or more; 512 by default.</summary>
    let backlog (clients: int) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.Backlog(options, clients)

    /// <summary>True to let several processes listen on the same port; false by default. Not on Windows.</summary>
    let reusePort (isReused: bool) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ReusePort(options, isReused)

    /// <summary>True, the default, to take IPv4 clients on the IPv6 wildcard address, too.</summary>
    let dualStack (isDual: bool) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.DualStack(options, isDual)

    /// <summary>The permissions of the file of a Unix socket; <c>None</c>, the default, for what the umask leaves.</summary>
    let unixSocketMode (mode: UnixFileMode option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.UnixSocketMode(options, Option.toNullable mode)

    /// <summary>TLS for all listeners, with a certificate; <c>None</c>, the default, for none.</summary>
    let ssl (tls: SslServerAuthenticationOptions option) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.Ssl(options, Option.toObj tls)

    /// <summary>The addresses of the proxies whose word on a client's address is taken; none by default.</summary>
    let trustedProxies (networks: IPNetwork list) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.TrustedProxies(options, networks)

    /// <summary>True to trust whoever connects to a Unix socket as a proxy; false by default.</summary>
    let trustUnixPeers (areTrusted: bool) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.TrustUnixPeers(options, areTrusted)

    /// <summary>The header in which the trusted proxies tell a client's address; none by default.</summary>
    let forwardedHeaders (header: ForwardedHeaders) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ForwardedHeaders(options, header)

    /// <summary>True when trusted proxies begin each connection with a header of the PROXY protocol; false by default.</summary>
    let proxyProtocol (isSpoken: bool) (options: ServerOptions) : ServerOptions =
        ServerOptionsCopy.ProxyProtocol(options, isSpoken)

    // ---- Of clients

    /// <summary>The origin that the server is told; <c>None</c>, the default, for none (RFC 6455 §10.2).</summary>
    let origin (origin: string option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.Origin(options, Option.toObj origin)

    /// <summary>Header fields of the request beside those of the handshake; none by default.</summary>
    let headers (fields: (string * string) list) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.Headers(options, Array.map KeyValuePair.Create (Array.ofList fields))

    /// <summary>The value of <c>User-Agent</c>; <c>None</c> to leave it out. <c>FunctionalWs</c> by default.</summary>
    let userAgent (value: string option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.UserAgent(options, Option.toObj value)

    /// <summary>
    /// Who the client is, by the scheme Basic (RFC 7617); <c>None</c>, the default, for nobody, or for whom the URI names.
    /// </summary>
    let credentials (credentials: BasicCredentials option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.Credentials(options, Option.toObj credentials)

    /// <summary>
    /// A token of the scheme Bearer (RFC 6750); <c>None</c>, the default, for none. Not with <c>credentials</c>.
    /// </summary>
    let bearerToken (token: string option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.BearerToken(options, Option.toObj token)

    /// <summary>TLS for <c>wss</c>; <c>None</c>, the default, for the platform's settings.</summary>
    let clientSsl (tls: SslClientAuthenticationOptions option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.Ssl(options, Option.toObj tls)

    /// <summary>
    /// Which proxy leads to the server; <c>None</c> for none. By default what the environment or the system say.
    /// </summary>
    let proxy (proxy: IWebProxy option) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.Proxy(options, Option.toObj proxy)

    /// <summary>How many redirects are followed: 0 to 100; 10 by default.</summary>
    let maxRedirects (redirects: int) (options: ClientOptions) : ClientOptions =
        ClientOptionsCopy.MaxRedirects(options, redirects)
