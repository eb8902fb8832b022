// Counts, keys and steps in words, on one line and alike in every culture: what values say of themselves is made of these.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Runtime.InteropServices
open type System.FormattableString

module internal Words =

    let count (number: int64) (noun: string) : string =
        if number = 1L then
            Invariant $"1 {noun}"
        else
            Invariant $"{number} {noun}s"

    let bytes (number: int64) : string = count number "byte"

    /// A masking key as its bytes stand on the wire: it is kept in memory order.
    let key (key: uint32) : string =
        let key = key
        Convert.ToHexString(MemoryMarshal.AsBytes(ReadOnlySpan &key))

    /// What a step has, too, if it has it: `; writes: Pong 01`.
    let following (label: string) (value: 'value voption) : string =
        match value with
        | ValueSome value -> Invariant $"; {label}: {value}"
        | ValueNone -> ""

    let halfClose (isClosed: bool) : string =
        if isClosed then "; ends sending" else ""

    /// What a step has led to; a default value has no next.
    let step (next: obj | null) (consumed: int) (told: obj | null) (isHalfClosed: bool) : string =
        Invariant $"{next}; {bytes (int64 consumed)} taken; tells: {told}{halfClose isHalfClosed}"

    /// A ping or a pong by its name, with its payload as hexadecimal digits.
    let control (name: string) (payload: ControlPayload) : string =
        if payload.Length = 0 then
            name
        else
            Invariant $"{name} {payload}"
