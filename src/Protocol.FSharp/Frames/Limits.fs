// Sizes beyond which a peer's data is refused, checked once when they are set.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

[<StructuredFormatDisplay("{Text}")>]
type Limits = private {
    Message: int64
    Fragment: int64
    Count: int
} with

    member limits.MaxMessageSize = limits.Message

    member limits.MaxFragmentSize = limits.Fragment

    member limits.MaxFragments = limits.Count

    /// What a payload of a size may take before extensions have decoded it: what doesn't compress gets a little larger.
    member internal _.Encoded(size: int64, frames: int) : int64 =
        let slack = size / 8L + 64L * int64 frames

        if size > Int64.MaxValue - slack then
            Int64.MaxValue
        else
            size + slack

    static member Unlimited = Int64.MaxValue

    static member Default: Limits = {
        Message = 1_048_576L
        Fragment = Limits.Unlimited
        Count = 262_144
    }

    static member Create(maxMessageSize: int64, maxFragmentSize: int64, maxFragments: int) : Limits =
        ArgumentOutOfRangeException.ThrowIfNegative(maxMessageSize, nameof maxMessageSize)
        ArgumentOutOfRangeException.ThrowIfNegative(maxFragmentSize, nameof maxFragmentSize)
        ArgumentOutOfRangeException.ThrowIfLessThan(maxFragments, 1, nameof maxFragments)

        {
            Message = maxMessageSize
            Fragment = maxFragmentSize
            Count = maxFragments
        }

    member limits.Text: string =
        let fragments =
            if limits.Fragment = Limits.Unlimited then
                "of any size"
            else
                Invariant $"of up to {limits.Fragment} bytes"

        Invariant $"messages of up to {limits.Message} bytes in up to {limits.Count} frames {fragments}"

    override limits.ToString() = limits.Text
