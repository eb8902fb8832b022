// Sizes beyond which a peer's data is refused, checked once when they are set.
namespace FunctionalWs.Protocol

open System

/// <summary>
/// The largest messages and frames that are accepted, judged by their headers before their payload arrives. Sizes
/// are of payloads, in bytes.
/// </summary>
type Limits = private {
    Message: int64
    Fragment: int64
    Count: int
} with

    /// <summary>The largest message, in bytes: 0 or more; 1,048,576 by default. Beyond it: 1009.</summary>
    member limits.MaxMessageSize = limits.Message

    /// <summary>The largest single frame of a message, in bytes: 0 or more; no limit by default. Beyond it: 1009.</summary>
    member limits.MaxFragmentSize = limits.Fragment

    /// <summary>The most frames of one message: 1 or more; 262,144 by default. Beyond it: 1008.</summary>
    member limits.MaxFragments = limits.Count

    /// What a payload of a size may take before extensions have decoded it: what doesn't compress gets a little larger.
    member internal _.Encoded(size: int64, frames: int) : int64 =
        let slack = size / 8L + 64L * int64 frames

        if size > Int64.MaxValue - slack then
            Int64.MaxValue
        else
            size + slack

    /// <summary>What stands for "no limit" on a size: the largest length a frame can have (RFC 6455 §5.2).</summary>
    static member Unlimited = Int64.MaxValue

    /// <summary>Messages of up to 1 MiB in up to 262,144 frames of any size.</summary>
    static member Default: Limits = {
        Message = 1_048_576L
        Fragment = Limits.Unlimited
        Count = 262_144
    }

    /// <summary>Sets limits.</summary>
    /// <param name="maxMessageSize">The largest message, in bytes: 0 or more.</param>
    /// <param name="maxFragmentSize">The largest frame of a message, in bytes: 0 or more.</param>
    /// <param name="maxFragments">The most frames of one message: 1 or more.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A limit is below its range.</exception>
    static member Create(maxMessageSize: int64, maxFragmentSize: int64, maxFragments: int) : Limits =
        ArgumentOutOfRangeException.ThrowIfNegative(maxMessageSize, nameof maxMessageSize)
        ArgumentOutOfRangeException.ThrowIfNegative(maxFragmentSize, nameof maxFragmentSize)
        ArgumentOutOfRangeException.ThrowIfLessThan(maxFragments, 1, nameof maxFragments)

        {
            Message = maxMessageSize
            Fragment = maxFragmentSize
            Count = maxFragments
        }
