// One end of a connection as one immutable value: bytes in, at most one event and its answer out.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices

/// <summary>
/// One end of a connection, client or server: its state, its place in a half-arrived frame, what is being timed and whether it is
/// read ahead. Immutable, and so safe from any thread: each step gives the next value, the same object where nothing changed, as after
/// a message in one frame. Does nothing by itself: whoever owns the stream steps it, writes what it answers and asks what is due.
/// </summary>
[<Sealed; Class; AllowNullLiteral(false); NoEquality; NoComparison>]
type WebSocketEndpoint =

    /// <summary>What is asked of the peer's frames.</summary>
    member Settings: ConnectionSettings

    /// <summary>The state of the connection.</summary>
    member State: State

    /// <summary>
    /// Whether to read on while the application is elsewhere, as <c>ReadOn</c> last said.
    /// </summary>
    member Reading: Reading

    /// <summary>True while a header, a frame or a message has begun and isn't whole.</summary>
    member IsUnfinished: bool

    /// <summary>
    /// How many bytes of a frame's payload are still to come, if they are a message's as they are: no extension has transformed it. 0
    /// between frames, too. They may be read to the memory that the sink gives next, and be given to <c>Receive</c> from there.
    /// </summary>
    member PayloadLeft: int64

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    member IsReceivingOver: bool

    /// <summary>
    /// True once our side of the stream is to end: nothing more is written, so when all that was written has left, shut the sending side
    /// down (RFC 6455 §7.1.1). From the step on that says <c>HalfClose</c>: for owners of a stream whose bytes leave later.
    /// </summary>
    member IsSendingOver: bool

    /// <summary>True while a ping of the keepalive waits for a sign of life.</summary>
    member IsPinged: bool

    /// <summary>True once the connection has ended: the stream can be closed.</summary>
    member IsClosed: bool

    /// <summary>The side and the state, such as <c>Server, Open, sending text</c>.</summary>
    override ToString: unit -> string

    /// <summary>An endpoint right after its opening handshake, without limits on time or on what waits unread.</summary>
    /// <param name="settings">The side this is, and what is asked of the peer's frames.</param>
    static member Create: settings: ConnectionSettings -> WebSocketEndpoint

    /// <summary>An endpoint whose opening handshake begins; <c>Opened</c> says when it is over.</summary>
    /// <param name="settings">The side this is, and what is asked of the peer's frames.</param>
    /// <param name="timeouts">How long things may take.</param>
    /// <param name="readAhead">How far it may be read ahead of its application.</param>
    /// <param name="now">The time, since any moment: all times of this connection count from it.</param>
    static member Create:
        settings: ConnectionSettings * timeouts: Timeouts * readAhead: ReadAhead * now: TimeSpan ->
            WebSocketEndpoint

    /// <summary>The opening handshake has agreed: frames may come, and pings are counted from now on.</summary>
    /// <param name="settings">What is asked of the peer's frames, extensions included.</param>
    /// <param name="now">The time.</param>
    member Opened: settings: ConnectionSettings * now: TimeSpan -> WebSocketEndpoint

    // ---- Receiving

    /// <summary>
    /// Takes what has come, up to the first thing that is told. Data go to a sink as they come: room is asked for what is there, never
    /// for what was announced. A payload may lie in the sink's own room already: it is unmasked there. The same call on the same value has
    /// the same result. Allocates nothing for a frame that is a message
    /// by itself, whole and not transformed by an extension.
    /// </summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3).</param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    member Receive<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>> :
        bytes: ReadOnlySpan<byte> *
        sink: byref<'Sink> *
        answers: IBufferWriter<byte> *
        key: uint32 *
        decoder: (PayloadDecoder | null) ->
            ReceiveStep

    /// <summary>Takes what has come, up to the first thing that is told, with a sink that is an object.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">
    /// The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3). A client has to give one,
    /// a server need not.
    /// </param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Receive:
        bytes: ReadOnlySpan<byte> *
        sink: IBufferWriter<byte> *
        answers: IBufferWriter<byte> *
        [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32> *
        [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: (PayloadDecoder | null) ->
            ReceiveStep

    /// <summary>The same with a key that there may be or not, for code of both roles in F#.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">The masking key of a client's answer: a client has to give one.</param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Receive:
        bytes: ReadOnlySpan<byte> *
        sink: IBufferWriter<byte> *
        answers: IBufferWriter<byte> *
        key: uint32 voption *
        [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: (PayloadDecoder | null) ->
            ReceiveStep

    /// <summary>Takes what has come, as a pipe has it: in segments.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">
    /// The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3). A client has to give one,
    /// a server need not.
    /// </param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Receive:
        bytes: inref<ReadOnlySequence<byte>> *
        sink: IBufferWriter<byte> *
        answers: IBufferWriter<byte> *
        [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32> *
        [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: (PayloadDecoder | null) ->
            ReceiveStep

    /// <summary>
    /// Takes over a step of <c>Receive</c> or <c>EndOfStream</c> that was made from an earlier value of this endpoint, since when only other
    /// calls than those have been made: what one thread has received while another sent, closed or looked at the time. As if the step
    /// came after those.
    /// </summary>
    /// <param name="step">The step. Its answer, if it has written one, is void.</param>
    /// <param name="answers">Where the answer goes.</param>
    /// <param name="key">The masking key of a client's answer: a client has to give one.</param>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Adopt:
        step: ReceiveStep *
        answers: IBufferWriter<byte> *
        [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32> ->
            ReceiveStep

    /// <summary>The peer's side of the stream has ended. Ours follows, unless it has ended already.</summary>
    member EndOfStream: unit -> ReceiveStep

    /// <summary>
    /// Our side of the stream has ended: everything has left that was to be written before a half-close. After both close frames it is
    /// the server that ends the stream then, without waiting for the client (RFC 6455 §7.1.1): the next value is closed.
    /// </summary>
    member SendingEnded: unit -> WebSocketEndpoint

    // ---- Sending

    /// <summary>What a command leads to, without its bytes: for callers who write frames by themselves.</summary>
    /// <param name="command">What is wanted.</param>
    member Send: command: Command -> SendStep

    /// <summary>Sends: writes the frame, unless the state refuses the command; then nothing is written.</summary>
    /// <param name="command">What is wanted.</param>
    /// <param name="payload">The payload of a message or fragment, not masked; not looked at for other commands.</param>
    /// <param name="output">Where the frame goes.</param>
    /// <param name="key">
    /// The masking key of a client's frame: another, unpredictable one for each call (RFC 6455 §5.3, §10.3). A client has to give one, a
    /// server need not.
    /// </param>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Send:
        command: Command *
        payload: ReadOnlySpan<byte> *
        output: IBufferWriter<byte> *
        [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32> ->
            SendStep

    /// <summary>The same with a key that there may be or not, for code of both roles in F#.</summary>
    /// <param name="command">What is wanted.</param>
    /// <param name="payload">The payload of a message or fragment, not masked; not looked at for other commands.</param>
    /// <param name="output">Where the frame goes.</param>
    /// <param name="key">The masking key of a client's frame: a client has to give one.</param>
    /// <exception cref="T:System.ArgumentNullException">A client has no masking key.</exception>
    member Send:
        command: Command * payload: ReadOnlySpan<byte> * output: IBufferWriter<byte> * key: uint32 voption ->
            SendStep

    // ---- Time, and reading ahead

    /// <summary>
    /// What is due at a time. It may be asked early, late or twice. A limit that was passed is said again until something is done about
    /// it; a ping is said once.
    /// </summary>
    /// <param name="now">The time, on the same scale as at the beginning.</param>
    /// <param name="traffic">What has happened so far.</param>
    member Tick: now: TimeSpan * traffic: Traffic -> TickStep

    /// <summary>
    /// When to call <c>Tick</c> again, if nothing else happens before: what is not timed yet may begin at any moment, and is looked for
    /// eight times in its limit, and so is what had come unread when a message's time was up. <c>TimeSpan.MaxValue</c> for never.
    /// </summary>
    /// <param name="now">The time.</param>
    member Deadline: now: TimeSpan -> TimeSpan

    /// <summary>
    /// Whether to read on while the application is elsewhere: see <c>Reading</c> of the next value. A closing is never held up. While
    /// nothing is read, the peer isn't called silent or late.
    /// </summary>
    /// <param name="unread">What waits for the application.</param>
    member ReadOn: unread: Unread -> WebSocketEndpoint

    // ---- For a replay, which jumps over payloads that were not kept

    member internal With: nextState: State * nextPlace: Place -> WebSocketEndpoint

/// <summary>What bytes of the peer have led to. It is carried out in this order: what is told, the answer, the half-close.</summary>
and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] ReceiveStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>How many of the bytes are done with: all of them, up to the end of what is told.</summary>
    Consumed: int
    /// <summary>What is told.</summary>
    Incoming: Incoming
    /// <summary>True to shut the sending side of the stream down, after the answer (RFC 6455 §7.1.1). Said once; <c>IsSendingOver</c> of the next value keeps it.</summary>
    HalfClose: bool
    /// <summary>The bits by which extensions have marked the frame that is complete (RFC 6455 §5.2).</summary>
    ReservedBits: ReservedBits
} with

    /// <summary>The next value and what it tells, in words.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>What a command has led to.</summary>
and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] SendStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>What is to be written; none when the command was refused, or writes nothing.</summary>
    Output: Output voption
    /// <summary>Why the command was refused; nothing changed then.</summary>
    Refused: SendError voption
    /// <summary>True to shut the sending side of the stream down, after the output (RFC 6455 §7.1.1). Said once; <c>IsSendingOver</c> of the next value keeps it.</summary>
    HalfClose: bool
} with

    /// <summary>Tells the <c>Output</c>; false when there is none.</summary>
    /// <param name="output">What is to be written.</param>
    member TryGetOutput: [<Out>] output: byref<Output> -> bool

    /// <summary>Tells why the command was refused; false when it was not.</summary>
    /// <param name="error">The reason.</param>
    member TryGetRefusal: [<Out>] error: byref<SendError> -> bool

    /// <summary>The next value and what it tells, in words.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>What a time has led to.</summary>
and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] TickStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>What is due.</summary>
    Due: Due
} with

    /// <summary>The next value and what it tells, in words.</summary>
    override ToString: unit -> string

    member private Shown: string
