// The three bits of a frame's header that the protocol leaves to extensions (RFC 6455 §5.2).
namespace FunctionalWs.Protocol

open System

/// <summary>
/// The bits of a frame's header that belong to extensions (RFC 6455 §5.2, §9). An extension marks a message that it has
/// transformed with the bit that is its own, on the first frame.
/// </summary>
[<Flags>]
type ReservedBits =
    /// <summary>None: the message is as it was sent.</summary>
    | None = 0uy
    /// <summary>RSV3.</summary>
    | Rsv3 = 1uy
    /// <summary>RSV2.</summary>
    | Rsv2 = 2uy
    /// <summary>RSV1, which <c>permessage-deflate</c> uses (RFC 7692 §6).</summary>
    | Rsv1 = 4uy
