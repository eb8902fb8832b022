// What a response lacks to be sent: its date, its length, the end of the connection, the server's name.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Globalization

module Answer =

    let private field (name: string) (value: string) = KeyValuePair(name, value)

    let private is (name: string) (field: KeyValuePair<string, string>) =
        String.Equals(field.Key, name, StringComparison.OrdinalIgnoreCase)

    let private isFraming (field: KeyValuePair<string, string>) =
        is "Connection" field
        || is "Content-Length" field
        || is "Transfer-Encoding" field

    /// A response to HEAD may tell the length of a body that it doesn't have (RFC 9110 §8.6).
    let private length (isHead: bool) (response: Response) : string =
        match List.ofSeq (response.Headers.GetAll "Content-Length") with
        | [ told ] when isHead && response.Body.IsEmpty -> told
        | _ -> PeerText.number response.Body.Length

    /// A body's length is told once, and rightly; nothing follows it on the connection (RFC 9112 §6.2, §9.6). Who tells of an
    /// upgrade has it among the connection's options (RFC 9110 §7.8).
    let private framing (isHead: bool) (response: Response) : KeyValuePair<string, string> list = [
        field
            "Connection"
            (if response.Headers.Contains "Upgrade" then
                 "close, Upgrade"
             else
                 "close")
        if not (StatusCode.isBodiless response.StatusCode) then
            field "Content-Length" (length isHead response)
    ]

    /// Dates first, then the framing, then the rest. A response with status 101 keeps what it has instead of a framing.
    let private arrange
        (before: KeyValuePair<string, string> list)
        after
        (method: string)
        (response: Response)
        =
        let isOpening = response.StatusCode = 101
        let isHead = method = "HEAD" && not isOpening

        let dates, others =
            response.Headers
            |> Seq.filter (fun field -> isOpening || not (isFraming field))
            |> List.ofSeq
            |> List.partition (is "Date")

        let framing = if isOpening then [] else framing isHead response

        let arranged =
            response.WithHeaders(Headers.Parsed(List.toArray (before @ dates @ framing @ others @ after)))

        if isHead then
            arranged.WithBody ReadOnlyMemory.Empty
        else
            arranged

    [<CompiledName("Frame")>]
    let frame (method: string) (response: Response) : Response =
        ArgumentNullException.ThrowIfNull(method, nameof method)
        ArgumentNullException.ThrowIfNull(response, nameof response)

        if response.StatusCode = 101 then
            response
        else
            arrange [] [] method response

    [<CompiledName("Complete")>]
    let complete
        (serverHeader: string | null)
        (now: DateTimeOffset)
        (method: string)
        (response: Response)
        : Response =
        ArgumentNullException.ThrowIfNull(method, nameof method)
        ArgumentNullException.ThrowIfNull(response, nameof response)

        let dates =
            if response.Headers.Contains "Date" then
                []
            else
                [
                    field "Date" (now.ToUniversalTime().ToString("R", CultureInfo.InvariantCulture))
                ]

        let servers =
            match serverHeader with
            | NonNull name when name <> "" && not (response.Headers.Contains "Server") ->
                List.ofSeq (Headers.Empty.Add("Server", name))
            | _ -> []

        arrange dates servers method response
