/// For clients: the request, and answers that open a connection (RFC 6455 §4.1).
module FunctionalWs.Conformance.Sections.Answers

open System
open System.IO
open System.Text
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let latin1 (text: string) : byte[] = Encoding.Latin1.GetBytes text

let usable (peer: Peer) =
    sendText peer "hello"
    expectMessage peer text (utf8 "hello")
    closeCleanly peer

let opened = "The connection opens, and messages come back."

// ---- The request

let private requestOf (options: ClientOptions) (peer: Peer) : Head =
    peer.Caller.Options <- options
    let request = answerWith id peer
    usable peer
    request

let says (name: string) (value: string) (request: Head) =
    match request.All name with
    | [ found ] when found = value -> ()
    | [] -> failed $"the request has no {name}"
    | found -> failed $"""{name} is {String.Join(" and ", found)}"""

let private requests = {
    Title = "The request"
    Cases = [
        for name, value in
            [
                "Upgrade", "websocket"
                "Connection", "Upgrade"
                "Sec-WebSocket-Version", "13"
            ] do
            case $"has {name} once" $"{value}." (fun peer ->
                requestOf (ClientOptions(Proxy = null)) peer |> says name value)

        case "begins with GET, the target and HTTP/1.1" "GET / HTTP/1.1." (fun peer ->
            let request = requestOf (ClientOptions(Proxy = null)) peer

            if request.Line <> "GET / HTTP/1.1" then
                failed request.Line)

        case "has the host and the port" "Once, as the URI has them." (fun peer ->
            requestOf (ClientOptions(Proxy = null)) peer
            |> says "Host" peer.Address.Authority)

        case "has a key of 16 bytes" "In Base64, once." (fun peer ->
            let request = requestOf (ClientOptions(Proxy = null)) peer

            match request.All "Sec-WebSocket-Key" with
            | [ key ] when key.Length = 24 && (Convert.FromBase64String key).Length = 16 -> ()
            | keys -> failed $"""{String.Join(" and ", keys)}""")

        case "tells nothing that nobody asked for" "No origin, subprotocol or body." (fun peer ->
            let request = requestOf (ClientOptions(Proxy = null, Compression = null)) peer

            for name in
                [
                    "Origin"
                    "Sec-WebSocket-Protocol"
                    "Sec-WebSocket-Extensions"
                    "Authorization"
                    "Cookie"
                    "Content-Length"
                    "Transfer-Encoding"
                ] do
                if request.All name <> [] then
                    failed $"it has {name}")
    ]
}

// ---- What opens

let private opens (name: string) (change: Head -> Head) : Case =
    case name opened (fun peer ->
        answerWith change peer |> ignore
        usable peer)

/// An answer whose bytes a case writes itself.
let private answering (peer: Peer) (send: byte[] -> unit) =
    match Head.tryRequest (peer.ReadHead()) with
    | Some request ->
        Head.answer (List.exactlyOne (request.All "Sec-WebSocket-Key"))
        |> Head.toBytes
        |> send
    | None -> failed "no request came"

let private opensWith (name: string) (send: Peer -> byte[] -> unit) : Case =
    case name opened (fun peer ->
        answering peer (send peer)
        usable peer)

let private after (before: string) (name: string) : Case =
    opensWith name (fun peer answer -> peer.Send(name, Array.append (latin1 before) answer))

let interim (status: string) = $"HTTP/1.1 {status}\r\n\r\n"

let private accepted = {
    Title = "Answers that open a connection"
    Cases = [
        opens "as RFC 6455 has it" id

        opens "names of headers in lower case" (fun head -> {
            head with
                Headers = [ for name, value in head.Headers -> name.ToLowerInvariant(), value ]
        })

        opens "names of headers in upper case" (fun head -> {
            head with
                Headers = [ for name, value in head.Headers -> name.ToUpperInvariant(), value ]
        })

        opens "headers in another order" (fun head -> {
            head with
                Headers = List.rev head.Headers
        })
        opens "Upgrade: WebSocket" (Head.set "Upgrade" "WebSocket")
        opens "Connection: upgrade" (Head.set "Connection" "upgrade")
        opens "Connection: keep-alive, Upgrade" (Head.set "Connection" "keep-alive, Upgrade")

        opens "two headers Connection" (Head.set "Connection" "keep-alive" >> Head.add "Connection" "Upgrade")

        opens "blanks around values" (Head.set "Upgrade" " \t websocket \t ")

        opens "many other headers" (fun head -> {
            head with
                Headers = head.Headers @ [ for i in 1..60 -> $"X-Header-{i}", String('v', 40) ]
        })

        opens "a cookie of 4,000 bytes" (Head.add "Set-Cookie" (String('c', 4_000)))
        opens "two cookies" (Head.add "Set-Cookie" "a=1" >> Head.add "Set-Cookie" "b=2")
        opens "a value that goes on in the next line" (Head.add "X-Name" "a\r\n b")
        opens "bytes above 0x7F in a value" (Head.add "X-Name" "caf\u00E9")
        opens "Content-Length: 0" (Head.add "Content-Length" "0")
        opens "an empty Sec-WebSocket-Extensions" (Head.add "Sec-WebSocket-Extensions" "")

        for line in
            [
                "HTTP/1.1 101 Web Socket Protocol Handshake"
                "HTTP/1.1 101 "
                "HTTP/1.1 101"
            ] do
            opens $"the line '{line}'" (fun head -> { head with Line = line })

        after (interim "100 Continue") "100 before it"
        after (interim "102 Processing") "102 before it"
        after (interim "103 Early Hints\r\nLink: </style.css>; rel=preload") "103 with a header before it"
        after (String.replicate 20 (interim "100 Continue")) "20 times 100 before it"
        after (interim "199 Whatever") "199 before it"

        opensWith "in single bytes" (fun peer answer -> sendInPieces peer 1 answer)
        opensWith "in pieces of 7" (fun peer answer -> sendInPieces peer 7 answer)

        for cut in [ 1; 4; 9; 12; 20; 33; 60; 100 ] do
            opensWith $"in two pieces, cut after {cut} bytes" (fun peer answer ->
                peer.Send("the first", Array.take cut answer)
                peer.Send("the second", Array.skip cut answer))

        for left in 1..4 do
            opensWith $"in two pieces, the second of {left} bytes" (fun peer answer ->
                peer.Send("the first", Array.take (answer.Length - left) answer)
                peer.Send("the second", Array.skip (answer.Length - left) answer))
    ]
}

// ---- What comes right behind it

let private behind (name: string) (frames: Peer -> byte[]) (expect: Peer -> unit) : Case =
    case name "It counts: nothing of it is lost." (fun peer ->
        answering peer (fun answer -> peer.Send(name, Array.append answer (frames peer)))
        expect peer)

let private textFrame (peer: Peer) (message: string) = frame peer true 0 text (utf8 message)

let private early = {
    Title = "Frames in the same packet as the answer"
    Cases = [
        behind "a message" (fun peer -> textFrame peer "early") (fun peer ->
            expectMessage peer text (utf8 "early")
            usable peer)

        behind "a ping" (fun peer -> frame peer true 0 9 (utf8 "early")) (fun peer ->
            expectPong peer (utf8 "early")
            usable peer)

        for count in [ 10; 500 ] do
            behind
                $"{count} messages"
                (fun peer -> Array.concat [ for i in 1..count -> textFrame peer $"message {i}" ])
                (fun peer ->
                    for i in 1..count do
                        expectMessage peer text (utf8 $"message {i}")

                    closeCleanly peer)

        for size in [ 1; 2; 3; 5 ] do
            behind
                $"{size} bytes of a message"
                (fun peer -> Array.take size (textFrame peer "early"))
                (fun peer ->
                    peer.Send("the rest", Array.skip size (textFrame peer "early"))
                    expectMessage peer text (utf8 "early")
                    closeCleanly peer)

        behind
            "a message of 100,000 bytes"
            (fun peer -> frame peer true 0 binary (Array.zeroCreate 100_000))
            (fun peer ->
                expectMessage peer binary (Array.zeroCreate 100_000)
                closeCleanly peer)

        behind "a close frame" (fun peer -> frame peer true 0 8 (closePayload 1000 [||])) (fun peer ->
            match peer.Next() with
            | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
            | other -> failed $"a close frame was expected; {describe other}")

        behind
            "a message and a close frame"
            (fun peer -> Array.append (textFrame peer "early") (frame peer true 0 8 (closePayload 1001 [||])))
            (fun peer ->
                expectMessage peer text (utf8 "early")

                match peer.Next() with
                | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
                | other -> failed $"a close frame was expected; {describe other}")

        behind
            "a frame that breaks a rule"
            (fun peer -> frame peer true 7 text [||])
            (Judging.refused [ 1002 ])

        case "a message, and the end of the stream" "The caller has the message." (fun peer ->
            let got = Collections.Generic.List<string>()

            peer.Caller.Act <-
                (fun connection ->
                    for message in connection.Messages do
                        got.Add message.Text)

            answering peer (fun answer ->
                peer.Send("answer and message", Array.append answer (textFrame peer "early")))

            peer.EndSending()
            Telling.ending peer |> ignore

            if List.ofSeq got <> [ "early" ] then
                failed $"the caller has {got.Count} messages")
    ]
}

let section: Section = {
    Name = "Opening handshake"
    Groups = [ requests; accepted; early ]
}
