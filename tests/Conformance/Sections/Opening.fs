/// Section 9: the opening handshake (RFC 6455 §4.2).
module FunctionalWs.Conformance.Sections.Opening

open System
open System.Text
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private usable (peer: Peer) =
    sendText peer "hello"
    expectMessage peer text (utf8 "hello")
    closeCleanly peer

let private checkAnswer (key: string) (response: Head) =
    let one (name: string) =
        match response.All name with
        | [ value ] -> value
        | [] -> failed $"the answer has no {name}"
        | _ -> failed $"the answer has several {name}"

    let isNot (expected: string) (value: string) =
        not (String.Equals(expected, value, StringComparison.OrdinalIgnoreCase))

    if one "Sec-WebSocket-Accept" <> Head.accept key then
        failed "Sec-WebSocket-Accept doesn't answer the key"

    if isNot "websocket" (one "Upgrade") then
        failed "Upgrade is not websocket"

    if
        (one "Connection").Split(',')
        |> Array.forall (fun token -> isNot "upgrade" (token.Trim()))
    then
        failed "Connection has no upgrade"

    for name in [ "Sec-WebSocket-Extensions"; "Sec-WebSocket-Protocol" ] do
        if response.All name <> [] then
            failed $"the answer has {name}, which nobody asked for"

let private opens (name: string) (change: Head -> Head) : Case =
    case name "101, then messages come back." (fun peer ->
        openWith change peer |> ignore
        usable peer)

let private accepted = {
    Title = "Requests that open a connection"
    Cases = [
        for key in
            [
                Head.key
                "AAAAAAAAAAAAAAAAAAAAAA=="
                "/////////////////////w=="
                "x3JJHMbDL1EzLkh9GBhXDw=="
            ] do
            case $"the key {key} is answered" "101 with what RFC 6455 §4.2.2 asks for." (fun peer ->
                openWith (Head.set "Sec-WebSocket-Key" key) peer |> checkAnswer key
                usable peer)

        opens "names of headers in lower case" (fun request -> {
            request with
                Headers = [ for name, value in request.Headers -> name.ToLowerInvariant(), value ]
        })

        opens "names of headers in upper case" (fun request -> {
            request with
                Headers = [ for name, value in request.Headers -> name.ToUpperInvariant(), value ]
        })

        opens "Upgrade: WebSocket" (Head.set "Upgrade" "WebSocket")
        opens "Connection: keep-alive, Upgrade" (Head.set "Connection" "keep-alive, Upgrade")
        opens "Connection: upgrade" (Head.set "Connection" "upgrade")
        opens "two headers Connection" (Head.set "Connection" "keep-alive" >> Head.add "Connection" "Upgrade")
        opens "blanks around values" (Head.set "Sec-WebSocket-Version" "  13\t ")
        opens "headers in another order" (fun request -> {
            request with
                Headers = List.rev request.Headers
        })
        opens "many other headers" (fun request -> {
            request with
                Headers = request.Headers @ [ for i in 1..60 -> $"X-Header-{i}", String('v', 40) ]
        })
        opens "a cookie of 4,000 bytes" (Head.add "Cookie" (String('c', 4_000)))

        case "bytes above 0x7F in a value" "101, then messages come back." (fun peer ->
            match tryOpen (Head.add "X-Name" "caf\u00E9") peer with
            | Ok _ -> usable peer
            | Error status -> nonStrict $"it was answered with {status}")

        opens "an origin" (Head.add "Origin" "http://example.com")
        opens "a query in the target" (fun request -> {
            request with
                Line = request.Line.Replace(" HTTP", "?a=b&c=%20 HTTP")
        })

        case "the request in single bytes" "101, then messages come back." (fun peer ->
            sendInPieces peer 1 (Head.toBytes (Head.request peer.Address))

            match Head.tryAnswer (peer.ReadHead()) with
            | Some response when response.Status = 101 -> usable peer
            | _ -> failed "the handshake was not accepted")

        case "a message right behind the request" "101, then the message comes back." (fun peer ->
            let request = Head.toBytes (Head.request peer.Address)
            peer.Send("request and message", Array.append request (frame peer true 0 text (utf8 "early")))

            match Head.tryAnswer (peer.ReadHead()) with
            | Some response when response.Status = 101 ->
                expectMessage peer text (utf8 "early")
                closeCleanly peer
            | _ -> failed "the handshake was not accepted")

        case "an extension that nobody knows" "101 without an extension." (fun peer ->
            let response = openWith (Head.add "Sec-WebSocket-Extensions" "x-unknown; a=b") peer

            if response.All "Sec-WebSocket-Extensions" <> [] then
                failed "the server agreed to it"

            usable peer)
    ]
}

/// What is refused with one of these statuses; any other error will do, but isn't as it should be.
let private refusedWith (statuses: int list) (change: Head -> Head) (peer: Peer) =
    let request = Head.request peer.Address |> change
    peer.Send(request.Line, Head.toBytes request)

    match Head.tryAnswer (peer.ReadHead()) with
    | Some response when List.contains response.Status statuses -> ()
    | Some response when response.Status >= 400 -> nonStrict $"it was answered with {response.Status}"
    | Some response -> failed $"it was answered with {response.Status}"
    | None -> nonStrict "the stream ended without an answer"

let private rejects (name: string) (statuses: int list) (change: Head -> Head) : Case =
    let expected = statuses |> List.map string |> String.concat " or "
    case name $"{expected}." (refusedWith statuses change)

let private rejected = {
    Title = "Requests that are rejected"
    Cases = [
        rejects "without Host" [ 400 ] (Head.remove "Host")
        rejects "without Upgrade" [ 400; 426 ] (Head.remove "Upgrade")
        rejects "without Connection" [ 400; 426 ] (Head.remove "Connection")
        rejects "without Sec-WebSocket-Key" [ 400 ] (Head.remove "Sec-WebSocket-Key")
        rejects "without Sec-WebSocket-Version" [ 400; 426 ] (Head.remove "Sec-WebSocket-Version")
        rejects "Upgrade: h2c" [ 400; 426 ] (Head.set "Upgrade" "h2c")
        rejects "Connection: keep-alive" [ 400; 426 ] (Head.set "Connection" "keep-alive")
        rejects "an empty key" [ 400 ] (Head.set "Sec-WebSocket-Key" "")
        rejects "a key of 15 bytes" [ 400 ] (Head.set "Sec-WebSocket-Key" "AAAAAAAAAAAAAAAAAAAA")
        rejects "a key of 17 bytes" [ 400 ] (Head.set "Sec-WebSocket-Key" "AAAAAAAAAAAAAAAAAAAAAAA=")
        rejects "a key that is not Base64" [ 400 ] (Head.set "Sec-WebSocket-Key" "!!!!!!!!!!!!!!!!!!!!!!==")
        rejects "two keys" [ 400 ] (Head.add "Sec-WebSocket-Key" "AAAAAAAAAAAAAAAAAAAAAA==")
        rejects "two hosts" [ 400 ] (Head.add "Host" "example.org")
        for version in [ "7"; "12"; "14"; "0"; "013"; "x" ] do
            rejects $"version {version}" [ 400; 426 ] (Head.set "Sec-WebSocket-Version" version)
        for method in [ "POST"; "HEAD"; "PUT"; "get" ] do
            rejects $"the method {method}" [ 400; 404; 405; 426; 501 ] (fun request -> {
                request with
                    Line = method + request.Line.Substring 3
            })
        rejects "HTTP/1.0" [ 400; 426; 505 ] (fun request -> {
            request with
                Line = request.Line.Replace("1.1", "1.0")
        })
        rejects "a line of 100,000 bytes" [ 400; 431 ] (Head.add "X-Long" (String('x', 100_000)))

        case
            "another version is told which one is known"
            "426 or 400 with Sec-WebSocket-Version: 13."
            (fun peer ->
                let request = Head.request peer.Address |> Head.set "Sec-WebSocket-Version" "25"

                peer.Send(request.Line, Head.toBytes request)

                match Head.tryAnswer (peer.ReadHead()) with
                | Some response when
                    response.Status >= 400
                    && response.All "Sec-WebSocket-Version" |> List.exists _.Contains("13")
                    ->
                    ()
                | Some response when response.Status >= 400 ->
                    nonStrict "the answer doesn't tell the version"
                | Some response -> failed $"it was answered with {response.Status}"
                | None -> nonStrict "the stream ended without an answer")
    ]
}

/// What is no request may be answered with 400, or not at all.
let private noise = {
    Title = "What is no request"
    Cases = [
        for name, bytes in
            [
                "bytes", Array.init 600 (fun i -> byte (i * 37))
                "a line of another protocol", Encoding.ASCII.GetBytes "HELO example.com\r\n\r\n"
                "a header without a colon",
                Encoding.ASCII.GetBytes "GET / HTTP/1.1\r\nHost example.com\r\n\r\n"
                "lines that end with LF alone",
                Encoding.ASCII.GetBytes "GET / HTTP/1.1\nHost: example.com\n\n"
                "a header that goes on in the next line",
                Encoding.ASCII.GetBytes "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"
            ] ->
            case name "An answer of 4xx, or the end of the stream." (fun peer ->
                peer.Send(name, bytes)
                peer.Send("and an empty line", "\r\n\r\n"B)

                match Head.tryAnswer (peer.ReadHead()) with
                | Some response when response.Status >= 400 -> ()
                | Some response -> failed $"it was answered with {response.Status}"
                | None ->
                    match peer.NextWithin(TimeSpan.FromMilliseconds 1.0) with
                    | Nothing -> failed "nothing happened"
                    | _ -> ())
    ]
}

let section: Section = {
    Name = "Opening handshake"
    Groups = [ accepted; rejected; noise ]
}
