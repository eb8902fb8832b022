// A broken rule and where in the peer's bytes it was broken.
namespace FunctionalWs.Protocol

open System

/// <summary>A rule that the peer broke, and the place in what it sent.</summary>
[<StructuredFormatDisplay("{Text}")>]
type Violation = {
    /// <summary>What the peer did.</summary>
    Error: ProtocolError
    /// <summary>
    /// The first byte that breaks the rule, counted from 0 at the first byte after the opening handshake. For a message that
    /// extensions have transformed, the first byte of the frame's header. For a text that ends too early, the byte after its
    /// last one.
    /// </summary>
    Offset: int64
} with

    /// <summary>Where the rule is written down.</summary>
    member Section: RfcSection

    /// <summary>The rule itself, as one sentence.</summary>
    member Rule: string

    /// <summary>
    /// What the peer did, where the rule is written down, and the place:
    /// <c>fragmented control frame (RFC 6455 §5.5, at byte 12)</c>.
    /// </summary>
    override ToString: unit -> string

    member private Text: string

    /// <summary>Where an input broke a rule.</summary>
    /// <param name="state">The state before the input.</param>
    /// <param name="offset">Where the input begins in the peer's bytes.</param>
    /// <param name="input">The input.</param>
    /// <param name="error">What <c>Connection.Receive</c> found.</param>
    static member OfInput: state: State * offset: int64 * input: Input * error: ProtocolError -> Violation

/// The byte by which a frame breaks a rule.
module internal Violation =

    /// By a header that begins at an offset.
    val inHeader: offset: int64 -> error: ProtocolError -> Violation

    /// By a control frame whose header begins at an offset.
    val inControl:
        offset: int64 ->
        header: inref<FrameHeader> ->
        payload: ReadOnlySpan<byte> ->
        error: ProtocolError ->
            Violation

    /// By the data of a frame whose header begins at an offset, and of which a part was taken before. No byte of it shows the size of
    /// what was decoded.
    val inData:
        offset: int64 ->
        header: inref<FrameHeader> ->
        message: inref<PartialMessage> ->
        error: ProtocolError ->
            Violation

type Violation with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (Violation | null) * right: (Violation | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (Violation | null) * right: (Violation | null) -> bool
