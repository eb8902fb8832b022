/// For clients: what is no answer, and what comes too late (RFC 9112 §4).
module FunctionalWs.Conformance.Sections.NoAnswers

open System
open System.IO
open System.Text
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict
open FunctionalWs.Conformance.Sections.Answers

let private noise (name: string) (bytes: byte[]) (ends: bool) : Case =
    case name "Connect throws IOException, and the stream is ended." (fun peer ->
        peer.ReadHead() |> ignore
        peer.Send(name, bytes)

        if ends then
            peer.EndSending()

        Telling.broken peer)

let private head (line: string) (fields: string list) =
    latin1 (String.Join("\r\n", line :: fields) + "\r\n\r\n")

let private switching = "HTTP/1.1 101 Switching Protocols"

let private noAnswer = {
    Title = "What is no answer"
    Cases = [
        for name, bytes in
            [
                "bytes", Array.init 600 (fun i -> byte (i * 37))
                "zeros", Array.zeroCreate 100
                "a banner of SSH", latin1 "SSH-2.0-OpenSSH_9.9\r\n"
                "a banner of SMTP", latin1 "220 mail.example.com ESMTP\r\n"
                "a line of HTTP/0.9", latin1 "<html>hello</html>"
                "an alert of TLS", [| 0x15uy; 3uy; 3uy; 0uy; 2uy; 2uy; 40uy |]
                "settings of HTTP/2", [| 0uy; 0uy; 0uy; 4uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
                "a frame without an answer", [| 0x81uy; 2uy; 'h'B; 'i'B |]
                "a request", latin1 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                "an empty line before it", latin1 "\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n"
                "http in small letters", head "http/1.1 101 Switching Protocols" []
            ] do
            noise name bytes false

        for line in
            [
                "HTTP/2.0 101 Switching Protocols"
                "HTTP/1.2 101 Switching Protocols"
                "HTTP/1.1  101 Switching Protocols"
                "HTTP/1.1 1O1 Switching Protocols"
                "HTTP/1.1 1010 Switching Protocols"
                "HTTP/1.1 10"
                "HTTP/1.1 099 Low"
                "HTTP/1.1 -10 Less"
                "HTTP/1.1 101-Switching"
                "HTTP/1.1"
                "HTTP/1.1 "
            ] do
            noise $"the line '{line}'" (head line []) false

        for name, field in
            [
                "a header without a colon", "Upgrade websocket"
                "a header without a name", ": websocket"
                "a blank before the colon", "Upgrade : websocket"
                "a blank before the name", " Upgrade: websocket"
                "a name of several words", "Up grade: websocket"
                "a NUL in a value", "X: a\u0000b"
                "a CR in a value", "X: a\rb"
                "an LF alone", "X: a\nY: b"
                "a name that is no ASCII", "Upgrad\u00E9: websocket"
            ] do
            noise name (head switching [ field ]) false

        noise "lines that end with LF alone" (latin1 (switching + "\nUpgrade: websocket\n\n")) false
        noise "a line of 10,000 bytes" (head (switching + String('x', 10_000)) []) false
        noise "a header of 10,000 bytes" (head switching [ "X: " + String('x', 10_000) ]) false
        noise
            "a header of 10,000 bytes without an end"
            (latin1 (switching + "\r\nX: " + String('x', 10_000)))
            false
        noise "1,000 headers" (head switching [ for i in 1..1_000 -> $"X-{i}: x" ]) false
        noise
            "headers of 100,000 bytes"
            (head switching [ for i in 1..50 -> $"X-{i}: {String('x', 2_000)}" ])
            false
        noise "100 again and again" (latin1 (String.replicate 10_000 (interim "100 Continue"))) false

        for name, bytes in
            [
                "nothing", ""
                "H", "H"
                "a part of the line", "HTTP/1.1 101 Swi"
                "the line alone", switching + "\r\n"
                "a part of a header", switching + "\r\nUpgr"
                "all but the last byte", switching + "\r\nUpgrade: websocket\r\n\r"
                "100 alone", interim "100 Continue"
            ] do
            noise $"{name}, then the end of the stream" (latin1 bytes) true
    ]
}

let private cut = {
    Title = "The stream ends roughly"
    Cases = [
        for name, bytes in [ "at once", ""; "within the answer", "HTTP/1.1 101 Swi" ] do
            case name "Connect throws IOException." (fun peer ->
                peer.ReadHead() |> ignore
                peer.Send(name, latin1 bytes)
                peer.Caller.IsJudged <- true
                peer.Reset()

                match peer.Caller.Outcome with
                | NotOpened error when error.GetType() = typeof<IOException> -> ()
                | NotOpened error -> failed $"Connect threw {error.Message}"
                | Ended _
                | Untold -> failed "Connect did not throw")
    ]
}

// ---- Time

/// Bytes one by one, until the client has had enough.
let private drip (bytes: byte seq) (peer: Peer) =
    let pause = TimeSpan.FromMilliseconds 5.0
    use bytes = bytes.GetEnumerator()
    let mutable incoming = Nothing

    while incoming = Nothing && bytes.MoveNext() do
        peer.Send("a byte", [| bytes.Current |])
        incoming <- peer.NextWithin pause

let private limit = TimeSpan.FromMilliseconds 250.0

let private late (name: string) (act: Peer -> unit) : Case =
    case name "Connect throws TimeoutException after OpenTimeout, and the stream is ended." (fun peer ->
        peer.Caller.Options <- ClientOptions(Proxy = null, OpenTimeout = Nullable limit)
        let clock = Diagnostics.Stopwatch.StartNew()
        act peer
        Telling.notOpened (fun error -> error :? TimeoutException) peer

        if clock.Elapsed < limit * 0.9 then
            failed $"after {clock.ElapsedMilliseconds} ms")

let private forEver (text: string) =
    Seq.initInfinite (fun i -> byte text[i % text.Length])

let private times = {
    Title = "Answers that take too long"
    Cases = [
        late "nothing comes" (fun peer -> peer.ReadHead() |> ignore)

        late "nothing comes after a part" (fun peer ->
            peer.ReadHead() |> ignore
            peer.Send("a part", latin1 "HTTP/1.1 101 Swi"))

        late "nothing comes after 100" (fun peer ->
            peer.ReadHead() |> ignore
            peer.Send("100", latin1 (interim "100 Continue")))

        late "headers without end come byte by byte" (fun peer ->
            peer.ReadHead() |> ignore
            peer.Send("the line", latin1 (switching + "\r\n"))
            drip (forEver "X: y\r\n") peer)

        late "100 comes byte by byte, again and again" (fun peer ->
            peer.ReadHead() |> ignore
            drip (forEver (interim "100 Continue")) peer)

        late "a redirect, then nothing" (fun peer ->
            Refusals.redirect 302 "/there" peer
            peer.ReadHead() |> ignore)

        case
            "a refusal whose body never ends"
            "Connect tells of the refusal, in less than five seconds."
            (fun peer ->
                peer.Caller.Options <- ClientOptions(Proxy = null, OpenTimeout = Nullable limit)
                peer.ReadHead() |> ignore
                peer.Send("403", latin1 "HTTP/1.1 403 No\r\nContent-Length: 1000000\r\n\r\nbut")
                Telling.refused 403 _.IsStatus peer)
    ]
}

let section: Section = {
    Name = "What is no answer"
    Groups = [ noAnswer; cut; times ]
}
