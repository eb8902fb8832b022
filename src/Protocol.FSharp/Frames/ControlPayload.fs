// What a ping or a pong carries: at most 125 bytes, kept as a value (RFC 6455 §5.5).
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

[<Sealed; AllowNullLiteral(false)>]
type ControlPayload private (bytes: byte[]) =

    static let empty = ControlPayload [||]

    static member MaxLength = 125

    static member Empty = empty

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

    member _.Span: ReadOnlySpan<byte> = ReadOnlySpan bytes

    member _.Length: int = bytes.Length

    override payload.Equals(other: obj | null) : bool =
        match other with
        | :? ControlPayload as other -> payload.Span.SequenceEqual other.Span
        | _ -> false

    override _.GetHashCode() : int =
        let mutable hash = HashCode()
        hash.AddBytes(ReadOnlySpan bytes)
        hash.ToHashCode()

    override _.ToString() : string = Convert.ToHexString bytes

type ControlPayload with

    static member op_Equality(left: ControlPayload | null, right: ControlPayload | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ControlPayload | null, right: ControlPayload | null) : bool =
        not (obj.Equals(left, right))
