module FunctionalWs.Protocol.Tests.HandshakeTests

open System
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private now = DateTimeOffset(2026, 11, 5, 10, 0, 0, TimeSpan.FromHours 2.0)
let private date = "Thu, 05 Nov 2026 08:00:00 GMT"
let private policy = HandshakePolicy.Default

let private good: Request = {
    Method = "GET"
    Target = "/chat?x=1"
    Version = "HTTP/1.1"
    Headers =
        Headers.Empty
            .Add("Host", "example.com:8765")
            .Add("Upgrade", "websocket")
            .Add("Connection", "keep-alive, Upgrade")
            .Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .Add("Sec-WebSocket-Version", "13")
}

let private set (name: string) (value: string) (request: Request) = {
    request with
        Headers = request.Headers.Set(name, value)
}

let private add (name: string) (value: string) (request: Request) = {
    request with
        Headers = request.Headers.Add(name, value)
}

let private remove (name: string) (request: Request) = {
    request with
        Headers = request.Headers.Remove name
}

let private names (response: Response) = [ for field in response.Headers -> field.Key ]

let private body (response: Response) =
    Encoding.UTF8.GetString response.Body.Span

let private acceptedBy (policy: HandshakePolicy) (request: Request) : Response * string voption =
    match Handshake.respond policy now request with
    | HandshakeResult.Accepted(response, subprotocol) -> response, subprotocol
    | HandshakeResult.Rejected(_, error) -> failwith $"rejected: {error}"

let private rejectedBy (policy: HandshakePolicy) (request: Request) : Response * HandshakeError =
    match Handshake.respond policy now request with
    | HandshakeResult.Rejected(response, error) -> response, error
    | HandshakeResult.Accepted _ -> failwith "accepted"

let private isAccepted (request: Request) =
    (fst (acceptedBy policy request)).StatusCode = 101

[<Tests>]
let accepting =
    testList "accepting (RFC 6455 §4.2.2)" [
        testCase "the sample key" (fun () ->
            Handshake.acceptKey "dGhlIHNhbXBsZSBub25jZQ==" =! "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

        testCase "the response has its fields in order, and no body" (fun () ->
            let response, subprotocol = acceptedBy policy good
            (response.StatusCode, response.ReasonPhrase) =! (101, "Switching Protocols")

            response.Headers.ToString()
            =! $"Date: {date}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: FunctionalWs\r\n"

            response.Body.Length =! 0
            subprotocol =! ValueNone)

        testTheory
            "what is as good"
            [
                set "Upgrade" "WebSocket" good
                set "Connection" "UPGRADE" good
                good |> set "Connection" "keep-alive" |> add "Connection" ", upgrade ,"
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZR==" good
                set "Host" "[::1]:80" good
                set "Host" "localhost" good
                set "Host" "example.com:" good
                { good with Target = "*" }
                {
                    good with
                        Target = "http://EXAMPLE.com:8765/x"
                }
                {
                    good with
                        Target = "ws://example.com:8765?x=/y"
                }
                {
                    good with
                        Target = "/x?y=http://other.example/"
                }
            ]
            (fun request -> isAccepted request =! true)

        testCase "the Server header is set, left out, or left alone" (fun () ->
            let serverOf header =
                (fst (acceptedBy { policy with ServerHeader = header } good)).Headers.GetAll "Server"
                |> List.ofSeq

            serverOf (ValueSome "x") =! [ "x" ]
            serverOf (ValueSome "") =! []
            serverOf ValueNone =! [])
    ]

[<Tests>]
let rejecting =
    let plain = [ "Date"; "Connection"; "Content-Length"; "Content-Type" ]

    testList "rejecting (RFC 6455 §4.2.1)" [
        testTheory
            "each rule has its status and its hint"
            [
                { good with Method = "POST" }, 405, [ "Allow" ]
                { good with Method = "get" }, 405, [ "Allow" ]
                { good with Version = "HTTP/1.0" }, 505, []
                { good with Target = "" }, 400, []
                { good with Target = "chat" }, 400, []
                { good with Target = "/a\001" }, 400, []
                { good with Target = "://x" }, 400, []
                remove "Host" good, 400, []
                add "Host" "other" good, 400, []
                set "Host" "" good, 400, []
                set "Host" "a b" good, 400, []
                set "Host" "user@host" good, 400, []
                set "Host" "a:b" good, 400, []
                set "Host" "a:99999" good, 400, []
                set "Host" "[::1" good, 400, []
                set "Host" "[::1]x" good, 400, []
                set "Host" "a:123456" good, 400, []
                set "Host" "a:65536" good, 400, []
                {
                    good with
                        Target = "http://evil.example/x"
                },
                400,
                []
                {
                    good with
                        Target = "http://user@example.com:8765/x"
                },
                400,
                []
                {
                    good with
                        Target = "http://example.com/x"
                },
                400,
                []
                remove "Connection" good, 426, [ "Upgrade" ]
                set "Connection" "close" good, 426, [ "Upgrade" ]
                set "Connection" "" good, 400, []
                set "Connection" "a;b" good, 400, []
                remove "Upgrade" good, 426, [ "Upgrade" ]
                set "Upgrade" "h2c" good, 426, [ "Upgrade" ]
                set "Upgrade" "websocket/13" good, 426, [ "Upgrade" ]
                add "Upgrade" "websocket" good, 426, [ "Upgrade" ]
                set "Upgrade" "h2c, websocket" good, 426, [ "Upgrade" ]
                set "Upgrade" "web socket" good, 400, []
                remove "Sec-WebSocket-Key" good, 400, []
                add "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZQ==" good, 400, []
                set "Sec-WebSocket-Key" "" good, 400, []
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZQA=" good, 400, []
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZQ=" good, 400, []
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZQ==" good, 400, []
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25j-Q==" good, 400, []
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25 ZQ==" good, 400, []
                remove "Sec-WebSocket-Version" good, 400, [ "Sec-WebSocket-Version" ]
                add "Sec-WebSocket-Version" "13" good, 400, []
                set "Sec-WebSocket-Version" "11" good, 400, [ "Sec-WebSocket-Version" ]
                set "Sec-WebSocket-Version" "13, 8" good, 400, [ "Sec-WebSocket-Version" ]
                good |> add "Origin" "a" |> add "Origin" "a", 400, []
                set "Sec-WebSocket-Protocol" "a;b" good, 400, []
            ]
            (fun (request, status, hints) ->
                let response, _ = rejectedBy policy request
                response.StatusCode =! status
                names response =! plain @ hints @ [ "Server" ])

        testCase "the body says what is wrong, and its length is told" (fun () ->
            let response, error = rejectedBy policy (set "Sec-WebSocket-Key" "grüße" good)
            error =! HandshakeError.Key "grüße"
            response.Headers.Get "Content-Length" =! string response.Body.Length
            response.Headers.Get "Content-Type" =! "text/plain; charset=utf-8"
            response.Headers.Get "Date" =! date
            test <@ (body response).Contains "Sec-WebSocket-Key is not 16 bytes in Base64: 'grüße'" @>)

        testCase "the first rule that is broken decides" (fun () ->
            let error =
                snd (
                    rejectedBy
                        policy
                        (good |> remove "Upgrade" |> remove "Sec-WebSocket-Key" |> set "Connection" "x")
                )

            error =! HandshakeError.NotUpgrade("Connection", "x"))

        testTheory
            "a head that can't be parsed is answered when a limit is the reason"
            [
                HandshakeError.RequestLineTooLong(9_000, 8_192), ValueSome 414
                HandshakeError.HeaderLineTooLong(9_000, 8_192), ValueSome 431
                HandshakeError.TooManyHeaders 128, ValueSome 431
                HandshakeError.HeadTooLarge 65_536, ValueSome 431
                HandshakeError.LineEnding, ValueNone
                HandshakeError.RequestLine "x", ValueNone
                HandshakeError.HeaderLine "x", ValueNone
                HandshakeError.TransferEncoding "x", ValueNone
                HandshakeError.ContentLength "x", ValueNone
            ]
            (fun (error, status) ->
                let response = Handshake.reject policy now error

                ValueOption.map (fun (response: Response) -> response.StatusCode) response
                =! status

                for response in ValueOption.toList response do
                    names response =! plain @ [ "Server" ])

        testTheory
            "A4: a line that is no header is told about without its value, which may be a secret"
            [
                "Authorization: Basic c2VjcmV0\000"
                " c2VjcmV0"
                "c2VjcmV0"
                "Cookie : c2VjcmV0"
                ": c2VjcmV0"
            ]
            (fun line ->
                let text = HandshakeError.describe (HandshakeError.HeaderLine line)
                test <@ not (text.Contains "c2VjcmV0") && text.Contains $"{line.Length} characters" @>)

        testCase "what a client wrote can't break a line of the response, nor swell it" (fun () ->
            let response, _ =
                rejectedBy policy {
                    good with
                        Target = "x\r\nSet-Cookie: a" + String('y', 5_000)
                }

            test <@ not ((body response).Contains "\r\nSet-Cookie") && response.Body.Length < 500 @>)
    ]

[<Tests>]
let origins =
    let allowing rules = {
        policy with
            Origins = ValueSome rules
    }

    let exact = OriginRule.Exact "https://example.com"

    let local =
        OriginRule.Matching(Predicate(fun (origin: string) -> origin.StartsWith "http://localhost:"))

    testList "origins (RFC 6455 §10.2)" [
        testTheory
            "only what is listed may connect"
            [
                [ exact ], ValueSome "https://example.com", true
                [ exact ], ValueSome "https://EXAMPLE.com", false
                [ exact ], ValueSome "https://example.com:443", false
                [ exact ], ValueSome "https://example.com.evil.net", false
                [ exact ], ValueSome "http://example.com", false
                [ exact ], ValueSome "null", false
                [ exact ], ValueNone, false
                [ exact; OriginRule.Absent ], ValueNone, true
                [ OriginRule.Absent ], ValueSome "https://example.com", false
                [ OriginRule.Exact "a"; exact ], ValueSome "https://example.com", true
                [ local ], ValueSome "http://localhost:3000", true
                [ local ], ValueSome "https://example.com", false
                [ local ], ValueNone, false
                [ local; OriginRule.Absent ], ValueNone, true
                [], ValueSome "https://example.com", false
                [], ValueNone, false
            ]
            (fun (rules, origin, isAllowed) ->
                let request =
                    good
                    |> (match origin with
                        | ValueSome value -> add "Origin" value
                        | ValueNone -> id)

                match Handshake.respond (allowing rules) now request with
                | HandshakeResult.Accepted _ -> isAllowed =! true
                | HandshakeResult.Rejected(response, HandshakeError.Origin _) ->
                    isAllowed =! false
                    response.StatusCode =! 403
                | HandshakeResult.Rejected(_, error) -> failwith $"{error}")
    ]

[<Tests>]
let subprotocols =
    let offering (lines: string list) =
        List.fold (fun request line -> add "Sec-WebSocket-Protocol" line request) good lines

    testList "subprotocols (RFC 6455 §1.9)" [
        testTheory
            "the server's preference decides"
            [
                [], [], ValueNone
                [], [ "chat" ], ValueNone
                [ "superchat"; "chat" ], [ "chat, superchat" ], ValueSome "superchat"
                [ "superchat"; "chat" ], [ "chat"; "superchat" ], ValueSome "superchat"
                [ "superchat"; "chat" ], [ "other, chat" ], ValueSome "chat"
            ]
            (fun (supported, offered, expected) ->
                let response, subprotocol =
                    acceptedBy { policy with Subprotocols = supported } (offering offered)

                subprotocol =! expected

                List.ofSeq (response.Headers.GetAll "Sec-WebSocket-Protocol")
                =! ValueOption.toList expected)

        testTheory
            "none in common is refused, and the server's are told"
            [ []; [ "other" ]; [ "CHAT" ] ]
            (fun offered ->
                let response, error =
                    rejectedBy
                        {
                            policy with
                                Subprotocols = [ "chat"; "x" ]
                        }
                        (offering offered)

                response.StatusCode =! 400
                error =! HandshakeError.Subprotocol [ "chat"; "x" ]
                test <@ (body response).Contains "chat, x" @>)
    ]
