/// What must show neither in logs nor in answers.
module FunctionalWs.Server.Tests.HandshakeSecrecyTests

open System
open System.Buffers
open System.Globalization
open System.Text.RegularExpressions
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

/// Sends a request to a server that lets a guest in, and reads to the end.
let private exchange (make: Records -> ServerOptions) (request: string) : string * Records =
    let records = new Records()

    let handler (connection: ServerConnection) = connection.Send "hello"

    use server = Serve.inMemory handler (make records)
    use client = PeerClient.InMemory server
    client.Write request
    client.SendClose 1000
    client.Transport.ShutdownSend()
    let answer = client.ReadToEnd()
    server.Shutdown() |> ignore
    answer, records

let private secret = "c2VjcmV0OnNlY3JldA=="

/// Requests that carry a secret where one belongs, or nearly there.
let private carrying: (string * string) list = [
    for name, lines in
        [
            "as it should", [ $"Authorization: Basic {secret}"; $"Cookie: id={secret}" ]
            "twice", [ $"Authorization: Basic {secret}"; $"Authorization: Basic {secret}" ]
            "of another scheme", [ $"Authorization: Digest {secret}" ]
            "not to be read", [ $"Authorization: Basic {secret} x"; $"Cookie: {secret}\t\xFF" ]
            "with a control character", [ $"Authorization: Basic {secret}\000" ]
            "folded", [ "Authorization: Basic"; $" {secret}" ]
            "without a colon", [ $"Authorization Basic {secret}" ]
            "with a blank before the colon", [ $"Cookie : {secret}" ]
            "too long", [ $"Authorization: Basic {secret}" + String('x', 9_000) ]
        ] do
        name, Exchange.webSocket lines
        name + ", and no WebSocket", Exchange.webSocket(lines).Replace("GET", "PUT")
        name + ", and a body", Exchange.webSocket ("Content-Length: 7" :: lines)
]

[<Tests>]
let logs =
    let hooks: (string * ProcessRequest | null) list = [
        "without a hook", null
        "with passwords", BasicAuth.Create("secret", "secret")
        "with other passwords", BasicAuth.Create("a", "b")
        "with tokens", BearerAuth.Create(fun _ -> null)
        "with a hook that fails", ProcessRequest(fun _ _ -> failwith "failed")
    ]

    testList "what is logged" [
        testTheory
            "A4: Authorization and Cookie are in no record, however they come"
            carrying
            (fun (_, request) ->
                for _, hook in hooks do
                    let _, records =
                        exchange
                            (fun records -> ServerOptions(LoggerFactory = records, ProcessRequest = hook))
                            request

                    let shown = [
                        for struct (_, _, text) in records.All -> text
                        for error in records.Exceptions -> string error
                    ]

                    List.filter (fun (text: string) -> text.Contains secret || text.Contains "secret") shown
                    =! [])

        testCase "A5: a field is at most 256 characters and a mark, however much of it is escaped" (fun () ->
            PeerText.Escape(String('x', 256)) =! String('x', 256)
            PeerText.Escape(String('x', 257)) =! String('x', 256) + "…"
            PeerText.Escape(String('\n', 1_000)) =! String.replicate 42 "\\u000A" + "…"
            PeerText.Escape "a\u2028b\u202Ec" =! "a\\u2028b\\u202Ec")

        testCase "A5: halves of characters are escaped, whole ones are never cut" (fun () ->
            let half (code: int) = String(char code, 1)
            PeerText.Escape $"a{half 0xD83D}b" =! "a\\uD83Db"
            PeerText.Escape $"{half 0xDE00}{half 0xD83D}" =! "\\uDE00\\uD83D"
            PeerText.Escape "\U0001F600" =! "\U0001F600"
            // A formatting character beyond 16 bits, as of a flag's tag.
            PeerText.Escape "\U000E0041" =! "\\uDB40\\uDC41"

            for start in 250..256 do
                let escaped = PeerText.Escape(String('x', start) + String.replicate 5 "\U0001F600")
                test <@ escaped.Length <= 257 && escaped.EndsWith("…", StringComparison.Ordinal) @>
                test <@ not (Char.IsHighSurrogate escaped[escaped.Length - 2]) @>)

        testTheory
            "A5: what a client wrote is one record of one line, cut"
            [
                for text in
                    [
                        "a\x85b"
                        "a\xADb"
                        String('\xAD', 4_000)
                        "a\tb"
                        String('x', 8_000)
                        "\x1B[31m"
                        "a\x9Bb"
                        "{Status}"
                    ] do
                    $"{text.Substring(0, min 8 text.Length)} as target", $"GET /{text} HTTP/1.1\r\n\r\n"

                    for name in
                        [
                            "Host"
                            "Upgrade"
                            "Connection"
                            "Sec-WebSocket-Key"
                            "Origin"
                            "Sec-WebSocket-Protocol"
                        ] do
                        $"{text.Substring(0, min 8 text.Length)} in {name}",
                        PeerClient.Request.Replace("\r\n\r\n", $"\r\n{name}: {text}\r\n\r\n")
            ]
            (fun (_, request) ->
                let _, records =
                    exchange
                        (fun records ->
                            ServerOptions(
                                LoggerFactory = records,
                                Origins = [| Origin.Exact "https://good.example" |],
                                Subprotocols = [| "v1" |]
                            ))
                        request

                let isBad (character: char) =
                    Char.IsControl character
                    || CharUnicodeInfo.GetUnicodeCategory character = UnicodeCategory.Format

                let opening =
                    records.All
                    |> List.filter (fun (struct (_, id, _)) -> id = 22 || id = 23 || id = 29)

                opening.Length =! 1

                for struct (_, _, text) in records.All do
                    test <@ not (Seq.exists isBad text) && text.Length < 400 @>)
    ]

[<Tests>]
let answers =
    testList "what is answered" [
        testTheory
            "A7: no answer tells a type, a path, a stack or a version"
            [
                "400", Exchange.webSocket [ "Host: twice" ]
                "403", Exchange.webSocket [ "Origin: x" ]
                "405", PeerClient.Request.Replace("GET", "POST")
                "414", "GET /" + String('x', 9_000) + " HTTP/1.1\r\n\r\n"
                "426", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                "431", Exchange.webSocket [ "A: " + String('x', 9_000) ]
                "500", Exchange.webSocket [ "Origin: https://good"; "X-Fail: yes" ]
                "505", "GET / HTTP/1.0\r\n\r\n"
            ]
            (fun (status, request) ->
                let hook =
                    ProcessRequest(fun _ request ->
                        if request.Headers.Contains "X-Fail" then
                            raise (InvalidOperationException "/etc/secret.json is missing")

                        Response.None)

                let answer, _ =
                    exchange
                        (fun records ->
                            ServerOptions(
                                LoggerFactory = records,
                                ProcessRequest = hook,
                                Origins = [| Origin.Exact "https://good"; Origin.None |]
                            ))
                        request

                answer.Substring(9, 3) =! status

                for pattern in
                    [
                        "Exception"
                        @"FunctionalWs\."
                        @"   at "
                        "/etc"
                        @"System\."
                        @"\d+\.\d+\.\d+"
                    ] do
                    if Regex.IsMatch(answer, pattern) then
                        failwith $"{pattern} in {answer}")

        testCase "H15: nothing that a client sends becomes a line of an answer" (fun () ->
            for text in [ "x\r\nInjected: yes"; "x\nInjected: yes"; "x\rInjected: yes" ] do
                for request in
                    [
                        $"GET /{text} HTTP/1.1\r\nHost: a\r\n\r\n"
                        PeerClient.Request.Replace(
                            "Sec-WebSocket-Version: 13",
                            $"Sec-WebSocket-Version: {text}"
                        )
                        Exchange.webSocket [ $"Origin: {text}" ]
                        Exchange.webSocket [ $"Sec-WebSocket-Protocol: {text}" ]
                    ] do
                    let answer, _ =
                        exchange
                            (fun records ->
                                ServerOptions(
                                    LoggerFactory = records,
                                    SelectSubprotocol =
                                        SelectSubprotocol(fun _ offered ->
                                            Seq.tryHead offered |> Option.toObj)
                                ))
                            request

                    test <@ not (answer.Contains "\nInjected: yes" || answer.Contains "\rInjected: yes") @>)

        testCase "A6: what a pooled buffer held before never reaches the wire" (fun () ->
            let marker = byte 'M'

            for size in [ 16; 1_024; 4_096; 65_536 ] do
                let poisoned = ArrayPool<byte>.Shared.Rent size
                Array.fill poisoned 0 poisoned.Length marker
                ArrayPool<byte>.Shared.Return poisoned

            for size in [ 0; 1; 125; 1_000; 1_024; 4_095; 65_537 ] do
                let hook = ProcessRequest(fun c _ -> c.Respond(200, String('x', size)))

                let answer, _ =
                    exchange
                        (fun records -> ServerOptions(LoggerFactory = records, ProcessRequest = hook))
                        PeerClient.Request

                answer.Substring(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)
                =! String('x', size)

                test <@ not (answer.Contains "MM") @>)

        testCase "line 28: a line that is none of HTTP gets 400, and INFO quotes it" (fun () ->
            let answer, records =
                exchange (fun records -> ServerOptions(LoggerFactory = records)) "EHLO relay.example\r\n"

            test <@ answer.StartsWith("HTTP/1.1 400 Bad Request\r\n", StringComparison.Ordinal) @>

            let told = [ for struct (_, _, text) in records.Of LogLevel.Information -> text ]
            test <@ List.exists (fun (text: string) -> text.Contains "'EHLO relay.example'") told @>)
    ]
