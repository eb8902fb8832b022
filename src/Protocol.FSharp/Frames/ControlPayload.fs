// What a ping or a pong carries: at most 125 bytes, kept as a value (RFC 6455 §5.5).
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>The payload of a ping or a pong: 0 to 125 bytes, immutable, compared by content (RFC 6455 §5.5).</summary>
[<Sealed; AllowNullLiteral(false)>]
type ControlPayload private (bytes: byte[]) =

    static let empty = ControlPayload [||]

    /// <summary>The most bytes that a control frame can carry.</summary>
    static member MaxLength = 125

    /// <summary>No bytes.</summary>
    static member Empty = empty

    /// <summary>Copies bytes into a payload.</summary>
    /// <param name="bytes">At most 125 bytes.</param>
    /// <exception cref="T:System.ArgumentException">There are more than 125 bytes.</exception>
    static member Create(bytes: ReadOnlySpan<byte>) : ControlPayload =
        if bytes.Length > ControlPayload.MaxLength then
            raise (
                ArgumentException(
                    Invariant
                        $"{bytes.Length} bytes don't fit a control frame: at most {ControlPayload.MaxLength} do.",
                    nameof bytes
                )
            )

        if bytes.IsEmpty then
            empty
        else
            ControlPayload(bytes.ToArray())

    /// Takes over what a frame was unmasked into; a frame's header has shown that it is not too long.
    static member internal Own(bytes: byte[]) = ControlPayload bytes

    /// <summary>The bytes.</summary>
    member _.Span: ReadOnlySpan<byte> = ReadOnlySpan bytes

    /// <summary>How many bytes there are, 0 to 125.</summary>
    member _.Length: int = bytes.Length

    /// <summary>True when both have the same bytes.</summary>
    override payload.Equals(other: obj | null) : bool =
        match other with
        | :? ControlPayload as other -> payload.Span.SequenceEqual other.Span
        | _ -> false

    /// <summary>A hash code of the bytes.</summary>
    override _.GetHashCode() : int =
        let mutable hash = HashCode()
        hash.AddBytes(ReadOnlySpan bytes)
        hash.ToHashCode()

    /// <summary>The bytes in hexadecimal.</summary>
    override _.ToString() : string = Convert.ToHexString bytes
