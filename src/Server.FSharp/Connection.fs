// A connection's members as functions. What may not be there is an option here.
namespace FunctionalWs.FSharp

open System
open System.Threading.Tasks
open System.Net
open System.Security.Claims
open System.Text.Json.Serialization.Metadata
open FunctionalWs
open FunctionalWs.Protocol

/// <summary>What a wait for a message ends with.</summary>
[<Struct; RequireQualifiedAccess; NoComparison>]
type Arrival =
    /// <summary>The next message.</summary>
    | Message of Message: Message
    /// <summary>Nothing in time. Nothing is lost: the next call goes on where this one stopped.</summary>
    | TimedOut
    /// <summary>The connection closed normally, and no message is left.</summary>
    | Ended

/// <summary>Functions of connections, of a server or a client; the connection comes last.</summary>
module Connection =

    // ---- Receiving

    /// <summary>
    /// Waits for the next message; <c>None</c> when the connection has closed normally, and no message is left. So a conversation of
    /// several steps needs no exceptions for a client that leaves.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="T:FunctionalWs.ConcurrencyException">Another call is receiving.</exception>
    let tryReceive (connection: WebSocketConnection) : Message option =
        match connection.TryReceive() with
        | true, message -> Some message
        | false, _ -> None

    /// <summary>
    /// Waits for the next message without a thread, in a handler of <c>Messages.converse</c>; <c>None</c> when the connection has closed
    /// normally, and no message is left.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.InvalidOperationException">The handler is none of <c>Messages.converse</c>.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="T:FunctionalWs.ConcurrencyException">Another call waits.</exception>
    let tryReceiveTask (connection: ServerConnection) : Task<Message option> =
        task {
            try
                let! message = connection.ReceiveAsync()
                return Some message
            with :? ConnectionClosedOkException ->
                return None
        }

    /// <summary>Waits for the next message for some time.</summary>
    /// <param name="time">How long at most; zero to take only what is there.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is negative, and not infinite.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="T:FunctionalWs.ConcurrencyException">Another call is receiving.</exception>
    let receiveWithin (time: TimeSpan) (connection: WebSocketConnection) : Arrival =
        try
            Arrival.Message(connection.Receive time)
        with
        | :? TimeoutException -> Arrival.TimedOut
        | :? ConnectionClosedOkException -> Arrival.Ended

    /// <summary>
    /// The messages that come, one after the other; ends when the connection closes normally. Each time it is enumerated it goes on
    /// with what comes next.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:FunctionalWs.ConnectionClosedErrorException">The connection ended abnormally: when it is enumerated.</exception>
    /// <exception cref="T:FunctionalWs.ConcurrencyException">Another call is receiving: when it is enumerated.</exception>
    let messages (connection: WebSocketConnection) : Message seq = connection.Messages

    // ---- Sending

    /// <summary>Sends a text message; waits while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedException">The connection is closing or closed.</exception>
    let sendText (text: string) (connection: WebSocketConnection) : unit = connection.Send text

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:FunctionalWs.ConnectionClosedException">The connection is closing or closed.</exception>
    let sendBytes (data: byte[]) (connection: WebSocketConnection) : unit = connection.Send data

    /// <summary>Sends a message as it is, text as text and bytes as bytes; waits while the peer does not read.</summary>
    /// <param name="message">The message.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:FunctionalWs.ConnectionClosedException">The connection is closing or closed.</exception>
    let sendMessage (message: Message) (connection: WebSocketConnection) : unit = connection.Send message

    /// <summary>Sends a value as a text message in JSON; waits while the peer does not read.</summary>
    /// <param name="info">How it is written: see <c>Json.typeInfo</c>.</param>
    /// <param name="value">The value.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="T:FunctionalWs.ConnectionClosedException">The connection is closing or closed.</exception>
    let sendJson (info: JsonTypeInfo<'T>) (value: 'T) (connection: WebSocketConnection) : unit =
        connection.Send(value, info)

    /// <summary>Starts the closing handshake, unless it has begun, and waits for its end, for <c>CloseTimeout</c> at most.</summary>
    /// <param name="code">The code that the peer is told.</param>
    /// <param name="reason">The reason: at most 123 bytes of UTF-8; may be empty.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.ArgumentException">The reason is too long.</exception>
    let close (code: CloseCode) (reason: string) (connection: WebSocketConnection) : unit =
        connection.Close(code, reason)

    /// <summary>Closes with a code of one's own, such as <c>connection |> Connection.closeNumber 4009 "too slow"</c>; <c>close</c> tells more.</summary>
    /// <param name="code">One of 1000–1003, 1007–1014 and 3000–4999 (RFC 6455 §7.4).</param>
    /// <param name="reason">The reason: at most 123 bytes of UTF-8; may be empty.</param>
    /// <param name="connection">The connection.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The code is none that may be sent. The connection stays open.</exception>
    /// <exception cref="T:System.ArgumentException">The reason is too long.</exception>
    let closeNumber (code: int) (reason: string) (connection: WebSocketConnection) : unit =
        connection.Close(code, reason)

    // ---- What is known of it

    /// <summary>The request that opened it. There is one whenever a hook or a handler has the connection.</summary>
    /// <param name="connection">The connection.</param>
    let request (connection: WebSocketConnection) : Request = connection.Request

    /// <summary>The response to that request. There is one whenever a handler has the connection.</summary>
    /// <param name="connection">The connection.</param>
    let response (connection: WebSocketConnection) : Response = connection.Response

    /// <summary>The subprotocol that was agreed on (RFC 6455 §1.9).</summary>
    /// <param name="connection">The connection.</param>
    let subprotocol (connection: WebSocketConnection) : string option = Option.ofObj connection.Subprotocol

    /// <summary>What the peer's close frame said; <c>None</c> when none has come.</summary>
    /// <param name="connection">The connection.</param>
    let received (connection: WebSocketConnection) : CloseStatus option = Option.ofObj connection.Received

    /// <summary>What this side's close frame said; <c>None</c> when none was sent.</summary>
    /// <param name="connection">The connection.</param>
    let sent (connection: WebSocketConnection) : CloseStatus option = Option.ofObj connection.Sent

    /// <summary>
    /// The code of the peer's close frame: 1005 when the frame had none, 1006 when the connection ended without one (RFC 6455 §7.1.5).
    /// <c>None</c> until it is known how the connection ends.
    /// </summary>
    /// <param name="connection">The connection.</param>
    let closeCode (connection: WebSocketConnection) : int option = Option.ofNullable connection.CloseCode

    /// <summary>
    /// The reason in the peer's close frame, empty when there was none (RFC 6455 §7.1.6). <c>None</c> until it is known how the
    /// connection ends.
    /// </summary>
    /// <param name="connection">The connection.</param>
    let closeReason (connection: WebSocketConnection) : string option = Option.ofObj connection.CloseReason

    /// <summary>What was agreed on by TLS; <c>None</c> for a connection without it.</summary>
    /// <param name="connection">The connection.</param>
    let tls (connection: WebSocketConnection) : TlsSession option = Option.ofObj connection.Tls

    /// <summary>The last steps, while the option <c>flightRecorder</c> is set.</summary>
    /// <param name="connection">The connection.</param>
    let recording (connection: WebSocketConnection) : Recording option = Option.ofObj connection.Recording

    /// <summary>The address of this side; <c>None</c> where there are none, as in memory.</summary>
    /// <param name="connection">The connection.</param>
    let localEndPoint (connection: WebSocketConnection) : EndPoint option =
        Option.ofObj connection.LocalEndPoint

    /// <summary>The address of the other side: of the client, where a trusted proxy tells it.</summary>
    /// <param name="connection">The connection.</param>
    let remoteEndPoint (connection: WebSocketConnection) : EndPoint option =
        Option.ofObj connection.RemoteEndPoint

    /// <summary>The address of whoever is connected: of the proxy, where there is one.</summary>
    /// <param name="connection">The connection, of a server.</param>
    let peerEndPoint (connection: ServerConnection) : EndPoint option = Option.ofObj connection.PeerEndPoint

    /// <summary>Who the client is, as a hook of <c>Auth</c> or one of the application's has found out.</summary>
    /// <param name="connection">The connection, of a server.</param>
    let user (connection: ServerConnection) : ClaimsPrincipal option = Option.ofObj connection.User

    /// <summary>The name of that user.</summary>
    /// <param name="connection">The connection, of a server.</param>
    let username (connection: ServerConnection) : string option = Option.ofObj connection.Username

    /// <summary>The route that took the request; <c>None</c> without routes.</summary>
    /// <param name="connection">The connection, of a server.</param>
    let rule (connection: ServerConnection) : Rule option = Option.ofObj connection.Rule

    /// <summary>What the application has put into <c>Items</c> under a key; <c>None</c> when there is nothing of that type.</summary>
    /// <param name="key">The key.</param>
    /// <param name="connection">The connection.</param>
    let tryItem<'T> (key: obj) (connection: WebSocketConnection) : 'T option =
        match connection.Items.TryGetValue key with
        | true, (:? 'T as value) -> Some value
        | _ -> None
