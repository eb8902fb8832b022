// Sizes beyond which a peer's data is refused, checked once when they are set.
namespace FunctionalWs.Protocol

/// <summary>
/// The largest messages and frames that are accepted, judged by their headers before their payload arrives. Sizes
/// are of payloads, in bytes.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type Limits =

    /// <summary>The largest message, in bytes: 0 or more; 1,048,576 by default. Beyond it: 1009.</summary>
    member MaxMessageSize: int64

    /// <summary>The largest single frame of a message, in bytes: 0 or more; no limit by default. Beyond it: 1009.</summary>
    member MaxFragmentSize: int64

    /// <summary>The most frames of one message: 1 or more; 262,144 by default. Beyond it: 1008.</summary>
    member MaxFragments: int

    /// What a payload of a size may take before extensions have decoded it: what doesn't compress gets a little larger.
    member internal Encoded: size: int64 * frames: int -> int64

    /// <summary>What stands for "no limit" on a size: the largest length a frame can have (RFC 6455 §5.2).</summary>
    static member Unlimited: int64

    /// <summary>Messages of up to 1 MiB in up to 262,144 frames of any size.</summary>
    static member Default: Limits

    /// <summary>Sets limits.</summary>
    /// <param name="maxMessageSize">The largest message, in bytes: 0 or more.</param>
    /// <param name="maxFragmentSize">The largest frame of a message, in bytes: 0 or more.</param>
    /// <param name="maxFragments">The most frames of one message: 1 or more.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A limit is below its range.</exception>
    static member Create: maxMessageSize: int64 * maxFragmentSize: int64 * maxFragments: int -> Limits

    /// <summary>True for the same limits.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of all limits.</summary>
    override GetHashCode: unit -> int

    /// <summary>The limits in words, invariant.</summary>
    override ToString: unit -> string

    member private Text: string

type Limits with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (Limits | null) * right: (Limits | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (Limits | null) * right: (Limits | null) -> bool
