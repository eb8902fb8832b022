// The transitions of a connection (RFC 6455 §5.4, §5.5, §7): the contract. What is internal is the endpoint's.
namespace FunctionalWs.Protocol

open System

/// <summary>The transitions of a connection. Pure and total: the same arguments give the same answer, without effects.</summary>
module Connection =

    /// <summary>The state right after the opening handshake.</summary>
    [<CompiledName("Start")>]
    val start: State

    /// RFC 6455 §7.1.7: a close frame, if none is out, then the end of our sending side.
    val internal fail: state: State -> error: ProtocolError -> Transition

    /// The peer's side has ended. Ours follows, unless it has ended already.
    val internal endOfStream: settings: ConnectionSettings -> state: State -> Transition

    /// Our side has ended: all that was to be written has left. Both close frames were exchanged, and it is the server that
    /// ends the stream then, without waiting for the client (RFC 6455 §7.1.1). All others wait for the peer's end.
    val internal sendingEnded: settings: ConnectionSettings -> state: State -> State
    /// True from the step on that says `HalfClose`.
    val internal isSendingOver: settings: ConnectionSettings -> state: State -> bool
    val internal readClose: payload: ReadOnlySpan<byte> -> Result<CloseStatus, ProtocolError>

    /// The server shuts its side down at once; the client lets the server go first (RFC 6455 §7.1.1).
    val internal onClose: settings: ConnectionSettings -> state: State -> received: CloseStatus -> Transition

    /// Answered until a close frame has been received (RFC 6455 §5.5.2).
    val internal onPing: state: State -> payload: ControlPayload -> Transition

    /// A whole control frame (RFC 6455 §5.5).
    val internal onControl:
        settings: ConnectionSettings ->
        state: State ->
        opcode: Opcode ->
        payload: ReadOnlySpan<byte> ->
            Transition

    /// The message of which fragments have come; none outside of one.
    val internal receivingOf: state: State -> PartialMessage voption
    val internal withReceiving: state: State -> receiving: PartialMessage voption -> State

    /// True while what comes from the peer matters.
    val internal isLive: state: State -> bool

    /// A data frame is complete. A message in one frame leaves the state as it was.
    val internal endFrame:
        state: State ->
        receiving: PartialMessage voption ->
        message: inref<PartialMessage> ->
        fin: bool ->
            Transition

    /// <summary>
    /// The next state after something came from the peer. Total: every input has one answer in every state, and no input
    /// makes it throw but one that holds null. A control frame that no reader would let through, made by hand, fails the connection as
    /// the reader would (RFC 6455 §5.5). Allocates nothing for an unfragmented data frame.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before.</param>
    /// <param name="input">
    /// What came. A frame's payload is read, not kept. A frame of a message that extensions have marked fails the connection:
    /// such messages are for <c>WebSocketEndpoint</c>, which has them decoded.
    /// </param>
    /// <exception cref="T:System.ArgumentNullException">An argument, or what it consists of, is null.</exception>
    [<CompiledName("Receive")>]
    val receive: settings: ConnectionSettings -> state: State -> input: Input -> Transition

    val internal maySendMessage: state: State -> bool
    val internal wholeMessage: kind: DataKind -> Output

    /// <summary>
    /// The next state after something the application wants, with what to write; or why it can't be had now. Allocates
    /// nothing for an unfragmented message.
    /// </summary>
    /// <param name="state">The state before.</param>
    /// <param name="command">What is wanted.</param>
    /// <exception cref="T:System.ArgumentNullException">An argument, or what it consists of, is null.</exception>
    [<CompiledName("Send")>]
    val send: state: State -> command: Command -> SendResult
