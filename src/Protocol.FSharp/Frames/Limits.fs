// Sizes beyond which a peer's data is refused, checked once when they are set.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type Limits private (message: int64, fragment: int64, count: int) =

    static let standard = Limits(1_048_576L, Int64.MaxValue, 262_144)

    member _.MaxMessageSize = message

    member _.MaxFragmentSize = fragment

    member _.MaxFragments = count

    /// What a payload of a size may take before extensions have decoded it: what doesn't compress gets a little larger.
    member internal _.Encoded(size: int64, frames: int) : int64 =
        Saturating.sum size (size / 8L + 64L * int64 frames)

    static member Unlimited = Int64.MaxValue

    static member Default: Limits = standard

    static member Create(maxMessageSize: int64, maxFragmentSize: int64, maxFragments: int) : Limits =
        ArgumentOutOfRangeException.ThrowIfNegative(maxMessageSize, nameof maxMessageSize)
        ArgumentOutOfRangeException.ThrowIfNegative(maxFragmentSize, nameof maxFragmentSize)
        ArgumentOutOfRangeException.ThrowIfLessThan(maxFragments, 1, nameof maxFragments)

        Limits(maxMessageSize, maxFragmentSize, maxFragments)

    override limits.Equals(other: obj | null) : bool =
        match other with
        | :? Limits as other ->
            message = other.MaxMessageSize
            && fragment = other.MaxFragmentSize
            && count = other.MaxFragments
        | _ -> false

    override _.GetHashCode() : int =
        HashCode.Combine(message, fragment, count)

    member _.Text: string =
        let size (limit: int64) =
            if limit = Limits.Unlimited then
                "of unlimited size"
            else
                Invariant $"of up to {Words.bytes limit}"

        let frames =
            if count = Int32.MaxValue then
                "unlimited frames"
            else
                "up to " + Words.count (int64 count) "frame"

        Invariant $"messages {size message} in {frames} {size fragment}"

    override limits.ToString() = limits.Text

type Limits with

    static member op_Equality(left: Limits | null, right: Limits | null) : bool = obj.Equals(left, right)

    static member op_Inequality(left: Limits | null, right: Limits | null) : bool =
        not (obj.Equals(left, right))
