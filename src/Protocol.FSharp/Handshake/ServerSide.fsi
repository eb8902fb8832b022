// The server's side of a connection from its first byte to its last, as one value: the contract. No I/O, no clock.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices

/// <summary>
/// The server's side of a connection from its first byte: a request's head that is read, judged and answered, then a
/// <c>WebSocketEndpoint</c>. Immutable, and so safe from any thread: each step gives the next value, the same object where nothing
/// changed. A client that is refused is answered, and what it still sends is passed over. For servers without extensions and limits on
/// time: others take the steps one by one (<c>RequestReader</c>, <c>Handshake.Examine</c>, <c>Handshake.Accept</c>), or go on with
/// <c>Endpoint</c> (RFC 6455 §4.2).
/// </summary>
[<Sealed; Class; AllowNullLiteral(false); NoEquality; NoComparison>]
type ServerSide =

    /// <summary>A connection of which no byte has come.</summary>
    /// <param name="policy">What the server asks of its clients.</param>
    /// <param name="settings">What is asked of the peer's frames: the settings of a server.</param>
    /// <param name="limits">How large a head may be; null for <c>HeadLimits.Default</c>.</param>
    /// <exception cref="T:System.ArgumentException">The settings are those of a client.</exception>
    static member Create:
        policy: HandshakePolicy *
        settings: ConnectionSettings *
        [<Optional; DefaultParameterValue(null: HeadLimits | null)>] limits: (HeadLimits | null) ->
            ServerSide

    /// <summary>Tells what the client asked for; false until the head is complete, and for one that can't be read.</summary>
    /// <param name="request">The request.</param>
    member TryGetRequest: [<Out>] request: byref<Request> -> bool

    /// <summary>The subprotocol that was chosen; null when none was, or none yet (RFC 6455 §1.9).</summary>
    member Subprotocol: string | null

    /// <summary>Takes the frames; null until the connection is open.</summary>
    member Endpoint: WebSocketEndpoint | null

    /// <summary>True once the client was refused: the answer is written.</summary>
    member IsRefused: bool

    /// <summary>
    /// True once our side of the stream is to end: nothing more is written, so when all that was written has left, shut the sending side
    /// down (RFC 6455 §7.1.1).
    /// </summary>
    member IsSendingOver: bool

    /// <summary>True once the connection has ended: the stream can be closed.</summary>
    member IsClosed: bool

    /// <summary>Takes what has come, up to the first thing that is told; as <c>WebSocketEndpoint.Receive</c>.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data of messages go.</param>
    /// <param name="answers">Where answers go: the response, then frames of 127 bytes at most.</param>
    /// <param name="now">The clock's value, for the response's <c>Date</c>.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    member Receive:
        bytes: ReadOnlySpan<byte> *
        sink: IBufferWriter<byte> *
        answers: IBufferWriter<byte> *
        now: DateTimeOffset ->
            ServerStep

    /// <summary>The peer's side of the stream has ended.</summary>
    member EndOfStream: unit -> ServerStep

    /// <summary>Sends, as <c>WebSocketEndpoint.Send</c> does.</summary>
    /// <param name="command">What is wanted.</param>
    /// <param name="payload">The payload of a message or fragment; not looked at for other commands.</param>
    /// <param name="output">Where the frame goes.</param>
    /// <returns>The next value; the same when the state refuses the command, and then nothing is written.</returns>
    /// <exception cref="T:System.InvalidOperationException">The connection is not open yet, or was refused.</exception>
    member Send: command: Command * payload: ReadOnlySpan<byte> * output: IBufferWriter<byte> -> ServerSide

    /// <summary>How far it has come, in words.</summary>
    override ToString: unit -> string

/// <summary>What bytes of the peer have led to. It is carried out in this order: what is told, the answer, the half-close.</summary>
and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] ServerStep = {
    /// <summary>The next value.</summary>
    Next: ServerSide
    /// <summary>How many of the bytes are done with: all of them, up to the end of what is told.</summary>
    Consumed: int
    /// <summary>What is told.</summary>
    Incoming: Incoming
    /// <summary>
    /// True to shut the sending side of the stream down, after the answer (RFC 6455 §7.1.1). Said once; <c>IsSendingOver</c> of the next
    /// value keeps it.
    /// </summary>
    HalfClose: bool
} with

    /// <summary>The next value and what it tells, in words.</summary>
    override ToString: unit -> string

    member private Shown: string
