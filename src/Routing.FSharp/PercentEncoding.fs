// Percent-encoding (RFC 3986 §2), both ways.
module internal FunctionalWs.Routing.PercentEncoding

open System
open System.Globalization
open System.Text

/// Not encoded anywhere: unreserved characters (RFC 3986 §2.3).
let private isUnreserved (character: char) =
    Char.IsAsciiLetterOrDigit character || "-._~".Contains character

/// Ordinary in a path's segment, too (RFC 3986 §3.3).
let inSegment = "!$&'()*+,;=:@"

let inQuery = ""

/// Ordinary in a URL that a rule's author wrote: only what can't stand in one is encoded.
let inTarget = "!#$%&'()*+,/:;=?@[]"

/// Whether a URL can carry text: not half a surrogate pair, nor a NUL, which none should.
let isEncodable (text: string) : bool =
    let isWhole =
        String.forall Char.IsAscii text
        || Encoding.UTF8.GetString(Encoding.UTF8.GetBytes text) = text

    isWhole && not (text.Contains '\000')

/// Percent-encodes text; what no URL can carry becomes U+FFFD.
let encode (ordinary: string) (text: string) : string =
    let isOrdinary character =
        isUnreserved character || ordinary.Contains(character: char)

    if String.forall isOrdinary text then
        text
    else
        let encoded = StringBuilder()

        for value in Encoding.UTF8.GetBytes(text.Replace('\000', '\uFFFD')) do
            if value < 128uy && isOrdinary (char value) then
                encoded.Append(char value) |> ignore
            else
                encoded.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture))
                |> ignore

        encoded.ToString()

/// Percent-encodes text; none when no URL can carry it.
let tryEncode (ordinary: string) (text: string) : string voption =
    if isEncodable text then
        ValueSome(encode ordinary text)
    else
        ValueNone

/// The bytes of a segment; none for a bad escape.
let private tryUnescape (segment: string) : byte[] voption =
    let bytes = Array.zeroCreate<byte> segment.Length
    let mutable length = 0
    let mutable at = 0

    while at >= 0 && at < segment.Length do
        let isEscape = segment[at] = '%'

        let ok, value =
            if isEscape && at + 2 < segment.Length then
                Byte.TryParse(
                    segment.AsSpan(at + 1, 2),
                    NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture
                )
            else
                not isEscape, byte segment[at]

        bytes[length] <- value
        length <- length + 1

        at <-
            if not ok then -1
            elif isEscape then at + 3
            else at + 1

    if at < 0 then
        ValueNone
    else
        ValueSome(Array.sub bytes 0 length)

/// The text of a segment; none unless its escapes are UTF-8, without NUL.
let tryDecode (segment: string) : string voption =
    if not (segment.Contains '%') then
        ValueSome segment
    else
        match tryUnescape segment with
        | ValueSome bytes when Unicode.Utf8.IsValid bytes && not (Array.contains 0uy bytes) ->
            ValueSome(Encoding.UTF8.GetString bytes)
        | ValueSome _
        | ValueNone -> ValueNone
