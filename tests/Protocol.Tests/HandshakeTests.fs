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

let private acceptedBy (policy: HandshakePolicy) (request: Request) : Response * (string | null) =
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
let results =
    testTheory
        "a result of the opening handshake has what is to be sent, whatever became of the request"
        [ good, 101; set "Sec-WebSocket-Version" "7" good, 400 ]
        (fun (request, status) -> (Handshake.respond policy now request).Response.StatusCode =! status)

[<Tests>]
let accepting =
    testList "accepting (RFC 6455 §4.2.2)" [
        testCase "the sample key" (fun () ->
            Handshake.acceptKey "dGhlIHNhbXBsZSBub25jZQ==" =! "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

        testCase "the response has its fields in order, and no body" (fun () ->
            let response, subprotocol = acceptedBy policy good
            (response.StatusCode, response.ReasonPhrase) =! (101, "Switching Protocols")

            response.Headers.ToString()
            =! $"Date: {date}\nUpgrade: websocket\nConnection: Upgrade\n"
               + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\nServer: FunctionalWs"

            response.Body.Length =! 0
            isNull subprotocol =! true)

        testTheory
            "what is as good"
            [
                set "Upgrade" "WebSocket" good
                set "Connection" "UPGRADE" good
                set "Upgrade" "websocket, h2c" good
                set "Upgrade" "h2c, websocket" good
                add "Upgrade" "websocket" good
                good |> set "Connection" "keep-alive" |> add "Connection" ", upgrade ,"
                set "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZR==" good
                set "Host" "[::1]:80" good
                set "Host" "localhost" good
                set "Host" "example.com:" good
                {
                    good with
                        Target = "http://EXAMPLE.com:8765/x"
                }
                {
                    good with
                        Target = "HTTPS://example.com"
                }
                {
                    good with
                        Target = "wss://example.com/%23"
                }
                {
                    good with
                        Target = "ws://example.com:8765?x=/y"
                }
                {
                    good with
                        Target = "http://other.example/x"
                }
                set "Host" "example.com:80" {
                    good with
                        Target = "http://example.com/chat"
                }
                {
                    good with
                        Target = "/x?y=http://other.example/"
                }
            ]
            (fun request -> isAccepted request =! true)

        testTheory
            "an absolute target's host counts, whatever Host says (RFC 9112 §3.2.2)"
            [
                "/chat", "a.example", "a.example"
                "*", "a.example:80", "a.example:80"
                "http://b.example/chat", "b.example:80", "b.example"
                "http://b.example:81/chat", "a.example", "b.example:81"
                "ws://[::1]:81?x", "a.example", "[::1]:81"
                "ws://b.example#x", "a.example", "b.example"
            ]
            (fun (target, host, expected) ->
                Handshake.hostOf (set "Host" host { good with Target = target }) =! Ok expected)

        testCase "hosts are told from other text" (fun () ->
            (Handshake.isHost "a.example:80", Handshake.isHost "a b") =! (true, false))

        testCase "the Server header is set, left out, or left alone" (fun () ->
            let serverOf header =
                (fst (acceptedBy (HandshakePolicy(serverHeader = header)) good)).Headers.GetAll "Server"
                |> List.ofSeq

            serverOf "x" =! [ "x" ]
            serverOf "" =! []
            serverOf null =! [])
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
                { good with Target = "*" }, 400, []
                { good with Target = "/chat#a" }, 400, []
                {
                    good with
                        Target = "http://example.com/#"
                },
                400,
                []
                {
                    good with
                        Target = "ftp://example.com:8765/x"
                },
                400,
                []
                { good with Target = "ws://" }, 400, []
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
                { good with Target = "http:///x" }, 400, []
                remove "Host" { good with Target = "http://a/" }, 400, []
                set "Host" "a b" { good with Target = "http://a/" }, 400, []
                {
                    good with
                        Target = "http://user@example.com:8765/x"
                },
                400,
                []
                remove "Connection" good, 426, [ "Upgrade" ]
                set "Connection" "close" good, 426, [ "Upgrade" ]
                set "Connection" "" good, 426, [ "Upgrade" ]
                set "Upgrade" "" good, 426, [ "Upgrade" ]
                set "Connection" "a;b" good, 400, []
                remove "Upgrade" good, 426, [ "Upgrade" ]
                set "Upgrade" "h2c" good, 426, [ "Upgrade" ]
                set "Upgrade" "websocket/13" good, 426, [ "Upgrade" ]
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

            error =! HandshakeError.Connection "x")

        testTheory
            "a head that can't be parsed is answered, and the connection ends (RFC 9112 §9.6)"
            [
                HeadError.StartLineTooLong 8_192, 414
                HeadError.HeadTooLarge 65_536, 431
                HeadError.HeaderLine "x", 400
                HeadError.Body "x", 413
                HeadError.TransferEncoding "chunked", 501
                HeadError.TransferEncoding "gzip ,\tChunked ", 501
                HeadError.TransferEncoding "gzip, deflate, chunked", 501
                HeadError.TransferEncoding "x", 400
                HeadError.TransferEncoding "chunked, gzip", 400
                HeadError.TransferEncoding "chunked;q=1", 400
                HeadError.TransferEncoding "", 400
                HeadError.HttpVersion "HTTP/2.0", 505
            ]
            (fun (error, status) ->
                let response =
                    Handshake.rejectHead error |> Answer.complete policy.ServerHeader now "GET"

                response.StatusCode =! status
                names response =! plain @ [ "Server" ]
                response.Headers.Get "Connection" =! "close"
                test <@ (body response).Contains error.Description @>)

        testTheory
            "426 tells of the upgrade among the connection's options (RFC 9110 §7.8)"
            [ remove "Upgrade" good; set "Connection" "close" good ]
            (fun request ->
                let response, _ = rejectedBy policy request
                response.StatusCode =! 426
                response.Headers.Get "Upgrade" =! "websocket"
                response.Headers.Get "Connection" =! "close, Upgrade")

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
    let allowing (rules: OriginRule list) = HandshakePolicy(origins = rules)

    let exact = OriginRule.Exact "https://example.com"

    let local =
        OriginRule.Matching(
            Predicate(fun (origin: string) ->
                origin.StartsWith("http://localhost:", StringComparison.Ordinal))
        )

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
                [], [ "" ], ValueNone
                [], [ " , ,"; "chat" ], ValueNone
                [ "chat" ], [ ""; "chat" ], ValueSome "chat"
                [ "superchat"; "chat" ], [ "chat, superchat" ], ValueSome "superchat"
                [ "superchat"; "chat" ], [ "chat"; "superchat" ], ValueSome "superchat"
                [ "superchat"; "chat" ], [ "other, chat" ], ValueSome "chat"
            ]
            (fun (supported, offered, expected) ->
                let response, subprotocol =
                    acceptedBy (HandshakePolicy(subprotocols = supported)) (offering offered)

                ValueOption.ofObj subprotocol =! expected

                List.ofSeq (response.Headers.GetAll "Sec-WebSocket-Protocol")
                =! ValueOption.toList expected)

        testTheory
            "none in common is refused, and the server's are told"
            [ []; [ "other" ]; [ "CHAT" ] ]
            (fun offered ->
                let response, error =
                    rejectedBy (HandshakePolicy(subprotocols = [ "chat"; "x" ])) (offering offered)

                response.StatusCode =! 400
                error =! HandshakeError.Subprotocol(EquatableList.Create [ "chat"; "x" ])
                test <@ (body response).Contains "chat, x" @>)
    ]

[<Tests>]
let policies =
    let kept (policy: HandshakePolicy) (request: Request) : HandshakeOffer =
        match Handshake.examine policy request with
        | HandshakeExamination.Kept offer -> offer
        | HandshakeExamination.Broken error -> failwith $"{error}"

    testList "policies" [
        testCase
            "a request leaves its key, its subprotocols and, where they are read, its extensions"
            (fun () ->
                let request =
                    good
                    |> add "Sec-WebSocket-Protocol" "b, a"
                    |> add "Sec-WebSocket-Extensions" "x; y=1"

                kept (HandshakePolicy(subprotocols = [ "a" ], readsExtensions = true)) request
                =! {
                       Key = "dGhlIHNhbXBsZSBub25jZQ=="
                       Subprotocols = EquatableList.Create [ "b"; "a" ]
                       Subprotocol = "a"
                       Extensions =
                           EquatableList.Create [
                               ExtensionOffer.Create("x", [ { Name = "y"; Value = "1" } ])
                           ]
                   }

                (kept policy request).Extensions.Count =! 0
                isNull (kept policy request).Subprotocol =! true)

        testCase "extensions that break their grammar matter only where they are read" (fun () ->
            let request = add "Sec-WebSocket-Extensions" "x;" good
            (kept policy request).Extensions.Count =! 0

            match Handshake.examine (HandshakePolicy(readsExtensions = true)) request with
            | HandshakeExamination.Broken(HandshakeError.HeaderFormat("Sec-WebSocket-Extensions", "x;", _)) ->
                ()
            | other -> failwith $"{other}")

        testTheory
            "a client that forgets Connection: Upgrade is let in where that isn't needed"
            [
                remove "Connection" good
                set "Connection" "keep-alive" good
                set "Connection" "" good
            ]
            (fun request ->
                let lenient = HandshakePolicy(needsConnectionUpgrade = false)
                (fst (acceptedBy lenient request)).StatusCode =! 101
                (fst (rejectedBy policy request)).StatusCode =! 426
                (fst (rejectedBy lenient (remove "Upgrade" request))).StatusCode =! 426)

        testCase "what no header can have is refused when the policy is made" (fun () ->
            raisesWith<ArgumentException> <@ HandshakePolicy(subprotocols = [ "a b" ]) @> (fun error ->
                <@ error.ParamName = "subprotocols" && error.Message.Contains "'a b'" @>)

            raisesWith<ArgumentException> <@ HandshakePolicy(serverHeader = "a\r\nb") @> (fun error ->
                <@ error.ParamName = "serverHeader" && error.Message.Contains "a\\u000D\\u000Ab" @>)

            List.ofSeq (HandshakePolicy(subprotocols = [ "b"; "a" ])).Subprotocols
            =! [ "b"; "a" ]

            HandshakePolicy.Default.ServerHeader =! "FunctionalWs")
    ]
