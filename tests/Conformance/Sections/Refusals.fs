/// For clients: answers that don't open a connection, and where they lead to (RFC 6455 §4.1, RFC 9110 §15).
module FunctionalWs.Conformance.Sections.Refusals

open System
open System.IO
open System.Text
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict
open FunctionalWs.Conformance.Sections.Answers

let private refuses
    (name: string)
    (isIt: ClientHandshakeError -> bool)
    (change: Head -> Head)
    (status: int)
    : Case =
    case
        name
        "Connect throws HandshakeRefusedException, which tells why, and the stream is ended."
        (fun peer ->
            answerWith change peer |> ignore
            Telling.refused status isIt peer)

let private refuses101 name isIt change = refuses name isIt change 101

let private wrongSwitch = {
    Title = "Answers that switch protocols, but don't open a connection"
    Cases = [
        let accept = "Sec-WebSocket-Accept"

        for name, value in
            [
                "of another key", Head.accept Head.key
                "that is the key", Head.key
                "that is empty", ""
                "that is no Base64", "?"
                "that is cut", (Head.accept Head.key).Substring(0, 20)
            ] do
            refuses101 $"an accept key {name}" _.IsAccept (Head.set accept value)

        let changed (change: string -> string) (head: Head) =
            Head.set accept (change (List.exactlyOne (head.All accept))) head

        for name, change in
            [
                "in lower case", (fun (value: string) -> value.ToLowerInvariant())
                "without its padding", (fun value -> value.TrimEnd '=')
                "in quotes", (fun value -> $"\"{value}\"")
                "twice in a line", (fun value -> $"{value}, {value}")
                "with something behind it", (fun value -> value + "x")
            ] do
            refuses101 $"the accept key {name}" _.IsAccept (changed change)

        refuses101 "no accept key" _.IsHeaderMissing (Head.remove accept)

        refuses101 "the accept key in two lines" _.IsHeaderRepeated (fun head ->
            Head.add accept (List.exactlyOne (head.All accept)) head)

        refuses101 "a wrong accept key after the right one" _.IsHeaderRepeated (Head.add accept "x")

        refuses101 "no Upgrade" _.IsHeaderMissing (Head.remove "Upgrade")

        for value in [ "h2c"; "websocket, h2c"; "websocket/13"; "web socket"; "" ] do
            refuses101 $"Upgrade: {value}" _.IsNotUpgrade (Head.set "Upgrade" value)

        refuses101 "Upgrade twice" _.IsHeaderRepeated (Head.add "Upgrade" "websocket")
        refuses101 "no Connection" _.IsHeaderMissing (Head.remove "Connection")
        refuses101 "Connection: " _.IsHeaderMissing (Head.set "Connection" "")

        for value in [ "close"; "keep-alive"; "upgraded"; "Upgrade-Insecure"; "keep-alive, close" ] do
            refuses101 $"Connection: {value}" _.IsNotUpgrade (Head.set "Connection" value)

        for value in [ "Upgrade; x"; "Up grade"; "\"Upgrade\"" ] do
            refuses101 $"Connection: {value}" _.IsHeaderFormat (Head.set "Connection" value)

        refuses101 "HTTP/1.0" _.IsHttpVersion (fun head -> {
            head with
                Line = "HTTP/1.0 101 Switching Protocols"
        })

        for extension in [ "x-other"; "x-other; a=b"; "permessage-bzip2"; "permessage-deflat" ] do
            refuses101
                $"the extension {extension}"
                _.IsExtension
                (Head.add "Sec-WebSocket-Extensions" extension)

        for value in
            [
                ";"
                "a b"
                "permessage-deflate;"
                "permessage-deflate; =1"
                "\"permessage-deflate\""
            ] do
            refuses101
                $"Sec-WebSocket-Extensions: {value}"
                _.IsHeaderFormat
                (Head.add "Sec-WebSocket-Extensions" value)
    ]
}

// ---- Subprotocols

let private offering (names: string list) (peer: Peer) =
    peer.Caller.Options <- ClientOptions(Proxy = null, Subprotocols = Array.ofList names)

let private chosen (offered: string list) (answered: string list) : Case =
    case
        $"""{String.Join(", ", answered)} of {String.Join(", ", offered)}"""
        "It is the connection's subprotocol."
        (fun peer ->
            offering offered peer

            let request =
                answerWith
                    (fun head ->
                        (head, answered)
                        ||> List.fold (fun head name -> Head.add "Sec-WebSocket-Protocol" name head))
                    peer

            says "Sec-WebSocket-Protocol" (String.Join(", ", offered)) request
            usable peer
            let connection, _ = Telling.ending peer

            if Option.ofObj connection.Subprotocol <> List.tryHead answered then
                failed $"the caller is told {connection.Subprotocol}")

let private notChosen (name: string) (offered: string list) (answered: string list) isIt : Case =
    case
        name
        "Connect throws HandshakeRefusedException, which tells why, and the stream is ended."
        (fun peer ->
            offering offered peer

            answerWith
                (fun head ->
                    (head, answered)
                    ||> List.fold (fun head name -> Head.add "Sec-WebSocket-Protocol" name head))
                peer
            |> ignore

            Telling.refused 101 isIt peer)

let private subprotocols = {
    Title = "Subprotocols"
    Cases = [
        chosen [ "v1" ] [ "v1" ]
        chosen [ "v1"; "v2" ] [ "v1" ]
        chosen [ "v1"; "v2" ] [ "v2" ]
        chosen [ "v1"; "v2" ] []
        notChosen "one, and none was offered" [] [ "v1" ] _.IsSubprotocol
        notChosen "one that was not offered" [ "v1"; "v2" ] [ "v3" ] _.IsSubprotocol
        notChosen "one in other letters" [ "v1" ] [ "V1" ] _.IsSubprotocol
        notChosen "two in a line" [ "v1"; "v2" ] [ "v1, v2" ] _.IsSubprotocol
        notChosen "two lines" [ "v1"; "v2" ] [ "v1"; "v2" ] _.IsHeaderRepeated
        notChosen "the same twice" [ "v1" ] [ "v1"; "v1" ] _.IsHeaderRepeated
        notChosen "an empty one" [ "v1" ] [ "" ] _.IsSubprotocol
    ]
}

// ---- Other statuses

let private withStatus (status: int) (head: Head) : Head = {
    Line = $"HTTP/1.1 {status} Whatever"
    Headers = ("Content-Length", "0") :: head.Headers
}

let private statuses = {
    Title = "Answers with another status"
    Cases = [
        for status in
            [
                200
                201
                204
                206
                300
                304
                305
                400
                403
                404
                405
                408
                410
                418
                421
                426
                429
                451
                499
                500
                501
                502
                503
                504
                505
                511
                599
            ] do
            refuses
                $"{status}"
                (fun error -> error = ClientHandshakeError.Status status)
                (withStatus status)
                status

        for status in [ 600; 700; 999 ] do
            refuses
                $"{status}, which stands for 500"
                (fun error -> error = ClientHandshakeError.Status status)
                (withStatus status)
                500

        for status in [ 401; 407 ] do
            refuses $"{status}" _.IsAuthenticationRequired (withStatus status) status

        for status in [ 301; 302; 303; 307; 308 ] do
            refuses $"{status} without Location" _.IsHeaderMissing (withStatus status) status

        for location in
            [
                "ftp://example.com/"
                "mailto:a@b"
                "//"
                "ws://exa mple/"
                "ws://example.com/#part"
            ] do
            refuses $"302 to {location}" _.IsLocation (withStatus 302 >> Head.add "Location" location) 302

        refuses
            "302 with two Locations"
            _.IsHeaderRepeated
            (withStatus 302 >> Head.add "Location" "/a" >> Head.add "Location" "/b")
            302

        refuses
            "200 of HTTP/1.0"
            _.IsStatus
            (fun head -> { head with Line = "HTTP/1.0 200 OK" } |> Head.add "Content-Length" "0")
            200
    ]
}

/// A refusal with a body, and how much of it the caller is given.
let private body (name: string) (expected: string) (headers: string) (body: string) (ends: bool) : Case =
    case name "The caller has the body, up to 64 KiB of it." (fun peer ->
        peer.ReadHead() |> ignore
        peer.Send(name, latin1 $"HTTP/1.1 400 Bad Request\r\n{headers}\r\n{body}")

        if ends then
            peer.EndSending()

        match peer.Caller.Outcome with
        | NotOpened(:? HandshakeRefusedException as refusal) when refusal.Body <> expected ->
            failed $"it has {refusal.Body.Length} characters of {expected.Length}, or others"
        | _ -> ()

        Telling.refused 400 _.IsStatus peer)

let private chunks (sizes: int list) =
    let chunk (size: int) = $"{size:x}\r\n{String('c', size)}\r\n"
    (sizes |> List.map chunk |> String.concat "") + "0\r\n\r\n"

let private bodies = {
    Title = "What a refusal says"
    Cases = [
        body "a body of a length" "why" "Content-Length: 3\r\n" "why" false
        body "a body of a length, and more" "why" "Content-Length: 3\r\n" "why not" false
        body "a body up to the end of the stream" "why" "" "why" true
        body "no body" "" "Content-Length: 0\r\n" "" false
        body "a body in chunks" (String('c', 33)) "Transfer-Encoding: chunked\r\n" (chunks [ 1; 32 ]) false
        body "a body that ends early" "wh" "Content-Length: 3\r\n" "wh" true
        body "chunks that end early" "cc" "Transfer-Encoding: chunked\r\n" "4\r\ncc" true
        body "two lengths" "" "Content-Length: 1\r\nContent-Length: 2\r\n" "why" false
        body
            "a length and chunks, which count"
            "ccc"
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
            (chunks [ 3 ])
            false
        body "chunks that are none" "" "Transfer-Encoding: chunked\r\n" "why\r\n" true
        body
            "a body of 200,000 bytes"
            (String('b', 65_536))
            "Content-Length: 200000\r\n"
            (String('b', 200_000))
            false
        body "100,000 bytes up to the end" (String('b', 65_536)) "" (String('b', 100_000)) true
        body
            "a chunk of 100,000 bytes"
            (String('c', 65_536))
            "Transfer-Encoding: chunked\r\n"
            (chunks [ 100_000 ])
            false
        body "bytes that are no UTF-8" "\uFFFD" "Content-Length: 1\r\n" "\u00FF" false
    ]
}

// ---- Redirects

let redirect (status: int) (location: string) (peer: Peer) =
    peer.ReadHead() |> ignore

    peer.Send(
        $"{status} to {location}",
        latin1 $"HTTP/1.1 {status} There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    )

    peer.Leave()

let private redirects = {
    Title = "Redirects"
    Cases = [
        for status in [ 301; 302; 303; 307; 308 ] do
            case $"{status} is followed" opened (fun peer ->
                redirect status "/there" peer

                if (answerWith id peer).Line <> "GET /there HTTP/1.1" then
                    failed "it asked for something else"

                usable peer)

        for location, line in
            [
                "there", "GET /there HTTP/1.1"
                "?a=b", "GET /?a=b HTTP/1.1"
                "./x/../y", "GET /y HTTP/1.1"
            ] do
            case $"to {location}" opened (fun peer ->
                redirect 302 location peer
                let found = (answerWith id peer).Line

                if found <> line then
                    failed $"it asked {found}"

                usable peer)

        for scheme in [ "ws"; "http" ] do
            case $"to an address with {scheme}" opened (fun peer ->
                redirect 302 $"{scheme}://{peer.Address.Authority}/there" peer
                answerWith id peer |> ignore
                usable peer)

        case "ten times" opened (fun peer ->
            for i in 1..10 do
                redirect 302 $"/{i}" peer

            answerWith id peer |> ignore
            usable peer)

        case "without end" "The eleventh is refused." (fun peer ->
            for _ in 1..10 do
                redirect 302 "/" peer

            answerWith (withStatus 302 >> Head.add "Location" "/") peer |> ignore
            Telling.refused 302 (fun error -> isNull (box error)) peer)

        case "that nobody follows" "Refused, and nobody is asked again." (fun peer ->
            peer.Caller.Options <- ClientOptions(Proxy = null, MaxRedirects = 0)
            answerWith (withStatus 302 >> Head.add "Location" "/there") peer |> ignore
            Telling.refused 302 (fun error -> isNull (box error)) peer

            if not peer.Caller.IsAlone then
                failed "it has connected again")

        case "whose body never ends" opened (fun peer ->
            peer.ReadHead() |> ignore

            peer.Send(
                "302",
                latin1 "HTTP/1.1 302 There\r\nLocation: /there\r\nContent-Length: 1000000\r\n\r\nbut"
            )

            peer.Leave()
            answerWith id peer |> ignore
            usable peer)
    ]
}

let section: Section = {
    Name = "Answers that refuse"
    Groups = [ wrongSwitch; subprotocols; statuses; bodies; redirects ]
}
