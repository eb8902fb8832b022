// Request targets and hosts as routing sees them (RFC 9112 §3.2), and percent-encoding (RFC 3986 §2). A target is parted at
// its slashes before it is decoded, and never handed to a parser of URLs: `;` and `#` are ordinary, `//b` is a path.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Text

module internal PercentEncoding =

    let private strict = UTF8Encoding(false, true)

    /// Not encoded anywhere: unreserved characters (RFC 3986 §2.3).
    let private isUnreserved (character: char) =
        Char.IsAsciiLetterOrDigit character || "-._~".Contains character

    /// Ordinary in a path's segment, too (RFC 3986 §3.3).
    let inSegment = "!$&'()*+,;=:@"

    let inQuery = ""

    /// Percent-encodes text; none when it has half a surrogate pair, or a NUL, which no URL should carry.
    let tryEncode (ordinary: string) (text: string) : string voption =
        let isOrdinary character =
            isUnreserved character || ordinary.Contains(character: char)

        if String.forall isOrdinary text then
            ValueSome text
        else
            try
                let encoded = StringBuilder()

                for value in strict.GetBytes text do
                    if value < 128uy && isOrdinary (char value) then
                        encoded.Append(char value) |> ignore
                    else
                        encoded.Append('%').Append(value.ToString("X2", CultureInfo.InvariantCulture))
                        |> ignore

                if text.Contains '\000' then
                    ValueNone
                else
                    ValueSome(encoded.ToString())
            with :? EncoderFallbackException ->
                ValueNone

    /// A segment that is text: of a rule, or decoded from a target.
    let encodeSegment (text: string) : string =
        tryEncode inSegment text |> ValueOption.defaultValue ""

    /// A target that a rule's author wrote: only what can't stand in a URL is encoded.
    let encodeTarget (text: string) : string =
        tryEncode "!#$%&'()*+,/:;=?@[]" text |> ValueOption.defaultValue ""

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
            | ValueSome bytes when Text.Unicode.Utf8.IsValid bytes && not (Array.contains 0uy bytes) ->
                ValueSome(strict.GetString bytes)
            | ValueSome _
            | ValueNone -> ValueNone

/// What routing needs of a target. No segments: an empty path.
[<NoComparison>]
type internal RouteTarget = {
    Segments: string[]
    /// With its question mark; empty when there is none.
    Query: string
}

module internal RouteTarget =

    let private schemes = [ "ws://"; "wss://"; "http://"; "https://" ]

    /// What follows scheme and host of an absolute form; an origin form is that itself (RFC 9112 §3.2.1, §3.2.2).
    let private tryPath (target: string) : string voption =
        let isPrefix (scheme: string) =
            target.StartsWith(scheme, StringComparison.OrdinalIgnoreCase)

        match List.tryFind isPrefix schemes with
        | _ when target.StartsWith '/' -> ValueSome target
        | None -> ValueNone
        | Some scheme ->
            match target.IndexOfAny([| '/'; '?' |], scheme.Length) with
            | -1 -> ValueSome ""
            | at -> ValueSome(target.Substring at)

    let private decodeAll (path: string) : string[] voption =
        let segments = if path = "" then [||] else path.Substring(1).Split '/'
        let decoded = segments |> Array.map PercentEncoding.tryDecode

        if Array.forall ValueOption.isSome decoded then
            ValueSome(Array.map ValueOption.get decoded)
        else
            ValueNone

    /// Parts a target; an error says what is wrong with it.
    let parse (target: string) : Result<RouteTarget, string> =
        let isVisible =
            String.forall (fun character -> character > ' ' && character < '\u007F') target

        match tryPath target with
        | ValueSome rest when isVisible ->
            let pathEnd = if rest.Contains '?' then rest.IndexOf '?' else rest.Length

            match decodeAll (rest.Substring(0, pathEnd)) with
            | ValueSome segments ->
                Ok {
                    Segments = segments
                    Query = rest.Substring pathEnd
                }
            | ValueNone -> Error "The path has a percent sign that doesn't begin a byte of UTF-8 text."
        | ValueSome _
        | ValueNone -> Error "The target is neither a path nor an absolute URL."

/// <summary>Names of hosts, as rules and requests have them.</summary>
module RouteHost =

    /// <summary>True for a host with an optional port whose labels aren't empty (RFC 9110 §7.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsName")>]
    let isName (text: string) : bool =
        RequestRules.isHost text
        && not (text.StartsWith '.')
        && not (text.Contains "..")

    /// Where the port begins, with its colon; the length when there is none.
    let private portStart (host: string) : int =
        match host.IndexOf(':', host.IndexOf ']' + 1) with
        | -1 -> host.Length
        | at -> at

    let internal withoutPort (host: string) : string = host.Substring(0, portStart host)

    let internal port (host: string) : string = host.Substring(portStart host)

    /// Lower case, and in ASCII as names are on the wire (RFC 5890).
    let internal normalize (host: string) : string =
        let label (text: string) =
            if String.forall Char.IsAscii text then
                text.ToLowerInvariant()
            else
                // What is no name matches no host.
                try
                    IdnMapping().GetAscii text
                with :? ArgumentException ->
                    text

        host.Split '.' |> Array.map label |> String.concat "."

    /// The part before the server's name: empty for the name itself, none for another host.
    let internal trySubdomain (host: string) (serverName: string) : string voption =
        let server = withoutPort (normalize serverName)
        let host = withoutPort host

        if host = server then
            ValueSome ""
        elif host.EndsWith("." + server, StringComparison.Ordinal) then
            ValueSome(host.Substring(0, host.Length - server.Length - 1))
        else
            ValueNone
