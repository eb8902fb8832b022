// Request targets as routing sees them (RFC 9112 §3.2). A target is parted at its slashes before it is decoded, and never handed
// to a parser of URLs: `;` and `#` are ordinary, `//b` is a path.
namespace FunctionalWs.Routing

open System

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
