// Validity of UTF-8, sixteen bytes at a time (RFC 3629 §4). Utf8.fs says byte by byte what this one has to equal.
module internal FunctionalWs.Protocol.Utf8Vectors

open System
open System.Runtime.InteropServices
open System.Runtime.Intrinsics

// What can be wrong with two neighbouring bytes, a bit for each. Each of three halves of bytes allows some of these;
// what all three allow is wrong. The method is that of Keiser and Lemire, "Validating UTF-8 in less than one
// instruction per byte" (2021). The platform's own check is as fast for ASCII, and goes byte by byte for all else.
[<Literal>]
let private TooShort = 0x01uy // a first byte where one that continues should be

[<Literal>]
let private TooLong = 0x02uy // one that continues nothing

[<Literal>]
let private Overlong3 = 0x04uy // E0 80..9F

[<Literal>]
let private TooLarge = 0x08uy // F4 90..BF, F5..FF 90..BF

[<Literal>]
let private Surrogate = 0x10uy // ED A0..BF

[<Literal>]
let private Overlong2 = 0x20uy // C0, C1

[<Literal>]
let private Overlong4 = 0x40uy // F0 80..8F, and F5..FF 80..8F, which are too large

[<Literal>]
let private TwoContinue = 0x80uy // right after a first byte of three or four, wrong otherwise

/// What the upper half of the byte before allows.
let private firstHigh =
    Vector128.Create(
        [|
            for _ in 0x0..0x7 do
                TooLong
            for _ in 0x8..0xB do
                TwoContinue
            TooShort ||| Overlong2
            TooShort
            TooShort ||| Overlong3 ||| Surrogate
            TooShort ||| TooLarge ||| Overlong4
        |],
        0
    )

/// What the lower half of the byte before allows.
let private firstLow =
    let any = TooShort ||| TooLong ||| TwoContinue

    Vector128.Create(
        [|
            any ||| Overlong2 ||| Overlong3 ||| Overlong4
            any ||| Overlong2
            any
            any
            any ||| TooLarge
            for low in 0x5..0xF do
                any ||| TooLarge ||| Overlong4 ||| (if low = 0xD then Surrogate else 0uy)
        |],
        0
    )

/// What the upper half of a byte allows.
let private second =
    let continues = TooLong ||| TwoContinue ||| Overlong2

    Vector128.Create(
        [|
            for _ in 0x0..0x7 do
                TooShort
            continues ||| Overlong3 ||| Overlong4
            continues ||| Overlong3 ||| TooLarge
            continues ||| Surrogate ||| TooLarge
            continues ||| Surrogate ||| TooLarge
            for _ in 0xC..0xF do
                TooShort
        |],
        0
    )

let inline private look (table: Vector128<byte>) (halves: Vector128<byte>) : Vector128<byte> =
    Vector128.ShuffleNative(table, halves)

/// What is wrong with sixteen bytes, of which those before by one, two and three places are known.
let inline private check
    (bytes: Vector128<byte>)
    (one: Vector128<byte>)
    (two: Vector128<byte>)
    (three: Vector128<byte>)
    : Vector128<byte> =
    let pairs =
        look firstHigh (one >>> 4)
        &&& look firstLow (one &&& Vector128.Create 0x0Fuy)
        &&& look second (bytes >>> 4)

    // The third byte of three or four and the fourth of four have one before them that continues, too.
    let continues =
        (Vector128.GreaterThanOrEqual(two, Vector128.Create 0xE0uy)
         ||| Vector128.GreaterThanOrEqual(three, Vector128.Create 0xF0uy))
        &&& Vector128.Create TwoContinue

    pairs ^^^ continues

/// Where each byte comes from when they are moved up by some places; from nowhere, for a zero, at the start.
let private up (places: int) : Vector128<byte> =
    Vector128.Create([| for place in 0 .. Vector128<byte>.Count - 1 -> byte (place - places) |], 0)

let private upOne, private upTwo, private upThree = up 1, up 2, up 3

/// <summary>
/// How many bytes at the start of a text are known to be right, all but a character that isn't finished there; none when
/// one of those that were looked at is wrong. Looks at whole vectors only.
/// </summary>
let validPrefix (data: ReadOnlySpan<byte>) : int voption =
    let size = Vector128<byte>.Count

    if data.Length < size then
        ValueSome 0
    else
        let start = &MemoryMarshal.GetReference data
        let first = Vector128.LoadUnsafe(&start)

        let mutable wrong =
            check
                first
                (Vector128.Shuffle(first, upOne))
                (Vector128.Shuffle(first, upTwo))
                (Vector128.Shuffle(first, upThree))

        let mutable at = size

        while at <= data.Length - size do
            let bytes = Vector128.LoadUnsafe(&start, unativeint at)

            wrong <-
                wrong
                ||| check
                        bytes
                        (Vector128.LoadUnsafe(&start, unativeint (at - 1)))
                        (Vector128.LoadUnsafe(&start, unativeint (at - 2)))
                        (Vector128.LoadUnsafe(&start, unativeint (at - 3)))

            at <- at + size

        if wrong = Vector128<byte>.Zero then
            ValueSome at
        else
            ValueNone
