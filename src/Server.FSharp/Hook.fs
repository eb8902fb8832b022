// Functions that have a say in opening handshakes, and the delegates that the server takes for them.
namespace FunctionalWs.FSharp

open System
open System.Collections.Generic
open System.Security.Claims
open FunctionalWs
open FunctionalWs.Protocol

/// <summary>
/// Sees each request before the server judges it, on the connection's own thread: to answer plain HTTP, to authenticate. A response
/// answers the request; <c>None</c> lets the handshake go on. The connection is not open yet, and can't send or receive.
/// </summary>
type RequestHook = ServerConnection -> Request -> Response option

/// <summary>
/// Sees each response to a request before it is sent, on the connection's own thread. A response is sent instead; <c>None</c> sends
/// it as it is.
/// </summary>
type ResponseHook = ServerConnection -> Request -> Response -> Response option

/// <summary>
/// Chooses one of the subprotocols that a client offers, in its order of preference; <c>None</c> for none. A
/// <c>NegotiationException</c> is answered with 400 and its message.
/// </summary>
type SubprotocolChoice = ServerConnection -> string list -> string option

/// <summary>Hooks put together, and as the delegates of the server's own surface.</summary>
module Hook =

    /// <summary>One hook of several: each is asked when those before it have nothing to say. So authentication can come before others.</summary>
    /// <param name="hooks">The hooks, in their order.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="request">The request.</param>
    let firstOf
        (hooks: RequestHook list)
        (connection: ServerConnection)
        (request: Request)
        : Response option =
        hooks |> List.tryPick (fun hook -> hook connection request)

    /// <summary>A hook that only looks on, such as one that counts; the handshake goes on.</summary>
    /// <param name="look">Called with the connection and the request. What it throws is answered with 500.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="request">The request.</param>
    let watch
        (look: ServerConnection -> Request -> unit)
        (connection: ServerConnection)
        (request: Request)
        : Response option =
        look connection request
        None

    /// <summary>A hook as a delegate: for <c>RouterOptions.NotFound</c>, say.</summary>
    /// <param name="hook">The hook.</param>
    let toDelegate (hook: RequestHook) : ProcessRequest =
        ProcessRequest(fun connection request -> hook connection request |> Option.toObj)

    /// <summary>A hook of a delegate.</summary>
    /// <param name="hook">The delegate.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="request">The request.</param>
    let ofDelegate
        (hook: ProcessRequest)
        (connection: ServerConnection)
        (request: Request)
        : Response option =
        hook.Invoke(connection, request) |> Option.ofObj

/// <summary>
/// Hooks that let in who proves who he is; others are answered with 401, or with 400 when they send the header twice. Both schemes send
/// their secret in the clear: use TLS. What a function throws is answered with 500.
/// </summary>
module Auth =

    /// <summary>Asks for user name and password, the scheme Basic (RFC 7617). Who is let in is <c>Connection.username</c>.</summary>
    /// <param name="realm">What is protected, shown to people: printable ASCII, may be empty.</param>
    /// <param name="isRight">
    /// Given a name and a password, true to let the client in. Called on the connection's thread, so it may take its time. It should
    /// compare in constant time.
    /// </param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    let basic (realm: string) (isRight: string -> string -> bool) : RequestHook =
        BasicAuth.Create(Func<string, string, bool>(fun name password -> isRight name password), realm)
        |> Hook.ofDelegate

    /// <summary>Lets some users in by the scheme Basic (RFC 7617), in constant time: made for up to some thousand of them.</summary>
    /// <param name="realm">What is protected, shown to people: printable ASCII, may be empty.</param>
    /// <param name="users">Names and passwords; the last of several passwords of a name counts. None lets nobody in.</param>
    /// <exception cref="T:System.ArgumentException">An argument has a character that it can't have.</exception>
    let basicUsers (realm: string) (users: (string * string) seq) : RequestHook =
        BasicAuth.Create(Seq.map KeyValuePair.Create users, realm) |> Hook.ofDelegate

    /// <summary>Asks for a token, the scheme Bearer (RFC 6750). Who is let in is <c>Connection.user</c>.</summary>
    /// <param name="realm">What is protected: printable ASCII, may be empty.</param>
    /// <param name="find">
    /// Given a token, whose it is; <c>None</c> when it is not valid. Called on the connection's thread, so it may take its time.
    /// </param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    let bearer (realm: string) (find: string -> ClaimsPrincipal option) : RequestHook =
        BearerAuth.Create(Func<string, ClaimsPrincipal | null>(find >> Option.toObj), realm)
        |> Hook.ofDelegate

    /// <summary>
    /// One kind of credentials or another: the second hook is asked when the first answers 401. Who is let in by neither is told of
    /// both: 401 with all their challenges.
    /// </summary>
    /// <param name="first">Asked for every request; another answer than 401 stands.</param>
    /// <param name="other">Asked about whom the first doesn't know.</param>
    let either (first: RequestHook) (other: RequestHook) : RequestHook =
        (Hook.toDelegate first).Or(Hook.toDelegate other) |> Hook.ofDelegate
