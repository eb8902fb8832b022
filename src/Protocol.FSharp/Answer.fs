// What a response lacks to be sent: its date, its length, the end of the connection, the server's name.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Globalization

/// <summary>Completes responses.</summary>
module Answer =

    let private field (name: string) (value: string) = KeyValuePair(name, value)

    let private is (name: string) (field: KeyValuePair<string, string>) =
        String.Equals(field.Key, name, StringComparison.OrdinalIgnoreCase)

    let private date (now: DateTimeOffset) : string =
        now.ToUniversalTime().ToString("R", CultureInfo.InvariantCulture)

    /// A response to HEAD may tell the length of a body that it doesn't have (RFC 9110 §8.6).
    let private isLengthKept (isHead: bool) (response: Response) =
        isHead
        && response.Body.IsEmpty
        && (response.Headers.GetAll "Content-Length").Count = 1

    /// A body's length is told once, and rightly; nothing follows it on the connection (RFC 9112 §6.2, §9.6).
    let private framing (isHead: bool) (response: Response) : KeyValuePair<string, string> list =
        let length =
            if isLengthKept isHead response then
                response.Headers.GetAll("Content-Length")[0]
            else
                response.Body.Length.ToString CultureInfo.InvariantCulture

        if StatusCode.isBodiless response.StatusCode then
            [ field "Connection" "close" ]
        else
            [ field "Connection" "close"; field "Content-Length" length ]

    /// <summary>
    /// Makes a response's framing right: <c>Connection: close</c>, a <c>Content-Length</c> that is its body's, and no body for
    /// HEAD. One with status 101 is left as it is. Doing it twice changes nothing.
    /// </summary>
    /// <param name="method">The method of the request that is answered.</param>
    /// <param name="response">The response.</param>
    [<CompiledName("Frame")>]
    let frame (method: string) (response: Response) : Response =
        let isHead = method = "HEAD"

        let isFraming (field: KeyValuePair<string, string>) =
            is "Connection" field
            || is "Content-Length" field
            || is "Transfer-Encoding" field

        if response.StatusCode = 101 then
            response
        else
            let dates, others =
                response.Headers
                |> Seq.filter (isFraming >> not)
                |> List.ofSeq
                |> List.partition (is "Date")

            let framed =
                response.WithHeaders(Headers.Parsed(dates @ framing isHead response @ others))

            if isHead then
                framed.WithBody ReadOnlyMemory.Empty
            else
                framed

    /// <summary>
    /// Completes a response: <c>Date</c> and <c>Server</c> unless it has its own, and its framing as <c>Frame</c> does.
    /// </summary>
    /// <param name="serverHeader">The value of <c>Server</c>; none or empty to leave it out.</param>
    /// <param name="now">The clock's value, for <c>Date</c>.</param>
    /// <param name="method">The method of the request that is answered.</param>
    /// <param name="response">The response.</param>
    [<CompiledName("Complete")>]
    let complete
        (serverHeader: string voption)
        (now: DateTimeOffset)
        (method: string)
        (response: Response)
        : Response =
        let dated =
            if response.Headers.Contains "Date" then
                response
            else
                response.WithHeaders(Headers.Parsed(field "Date" (date now) :: List.ofSeq response.Headers))

        match serverHeader with
        | ValueSome name when name <> "" && not (response.Headers.Contains "Server") ->
            frame method (dated.WithAddedHeader("Server", name))
        | ValueSome _
        | ValueNone -> frame method dated
