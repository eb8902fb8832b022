/// How a client closes, and how it finds that nobody is there any more (RFC 6455 §5.5.2, §7.1).
module FunctionalWs.Conformance.Sections.Leaving

open System
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict
open FunctionalWs.Conformance.Sections.Told

let private direct = ClientOptions(Proxy = null)

/// Closes when the first message has come.
let private closer (code: int) (reason: string) (peer: Peer) =
    peer.Caller.Act <-
        (fun connection ->
            connection.Receive() |> ignore
            connection.Close(CloseCode.Create code, reason))

let private closed
    (options: ClientOptions)
    (code: int)
    (reason: string)
    (name: string)
    (expected: string)
    (act: Peer -> unit)
    : Case =
    case name expected (fun peer ->
        peer.Caller.Options <- options
        closer code reason peer
        openPlain peer
        sendText peer "go"

        match peer.Next() with
        | Frame(header, payload) when header.Opcode.IsClose && payload = closePayload code (utf8 reason) ->
            ()
        | other -> failed $"a close frame with {code} was expected; {describe other}"

        act peer)

let private impatient =
    ClientOptions(Proxy = null, CloseTimeout = Nullable(TimeSpan.FromMilliseconds 200.0))

let private client = {
    Title = "The client closes"
    Cases = [
        for code, reason in [ 1000, ""; 1000, "bye"; 1001, ""; 3000, "κόσμε"; 4999, "" ] do
            closed
                direct
                code
                reason
                $"with {code} '{reason}'"
                "A close frame; the answer ends it."
                (fun peer ->
                    sendFrame peer true 0 8 (closePayload code (utf8 reason))
                    awaitEnd peer
                    toldCode code reason peer)

        closed
            direct
            1000
            ""
            "and the server answers with another code"
            "The caller is told that code."
            (fun peer ->
                sendClose peer 4000
                awaitEnd peer
                toldCode 4000 "" peer)

        closed direct 1000 "" "and the server answers without a code" "The caller is told 1005." (fun peer ->
            sendFrame peer true 0 8 [||]
            awaitEnd peer
            toldCode 1005 "" peer)

        closed direct 1000 "" "and the server says more before it answers" "It does not count." (fun peer ->
            sendText peer "late"
            sendPing peer (utf8 "late")
            sendClose peer 1000
            peer.EndSending()
            drain peer
            toldCode 1000 "" peer)

        closed direct 1000 "" "and the server ends the stream instead" "The caller is told 1006." (fun peer ->
            peer.EndSending()
            drain peer
            toldCode 1006 "" peer)

        closed
            direct
            1000
            ""
            "and the server answers with what breaks a rule"
            "The caller is told 1006."
            (fun peer ->
                sendFrame peer true 7 15 [||]
                peer.EndSending()
                drain peer
                toldCode 1006 "" peer)

        closed
            impatient
            1000
            ""
            "and the server does not answer"
            "The client ends the stream after CloseTimeout."
            (fun peer ->
                drain peer
                toldCode 1006 "" peer)

        closed
            impatient
            1000
            ""
            "and the server goes on sending"
            "The client ends the stream after CloseTimeout."
            (fun peer ->
                let mutable incoming = Nothing

                while incoming.IsNothing do
                    sendText peer "more"
                    incoming <- peer.NextWithin(TimeSpan.FromMilliseconds 5.0)

                toldCode 1006 "" peer)

        closed
            direct
            1000
            ""
            "and lets the server end the stream"
            "The stream stays open until the server ends it."
            (fun peer ->
                sendClose peer 1000

                match peer.NextWithin(TimeSpan.FromMilliseconds 100.0) with
                | Nothing -> awaitEnd peer
                | other -> nonStrict $"before the server ended the stream {describe other}")
    ]
}

// ---- Signs of life

let private lively =
    ClientOptions(
        Proxy = null,
        PingInterval = Nullable(TimeSpan.FromMilliseconds 100.0),
        PingTimeout = Nullable(TimeSpan.FromMilliseconds 200.0)
    )

let private life = {
    Title = "Signs of life"
    Cases = [
        case "a server that says nothing" "A ping, then the end; the caller is told." (fun peer ->
            peer.Caller.Options <- lively
            openPlain peer

            match peer.Next() with
            | Frame(header, _) when header.Opcode.IsPing -> drain peer
            | other -> failed $"a ping was expected; {describe other}"

            toldCode 1006 "" peer)

        case "a server that answers pings" "Pings, and the connection lives." (fun peer ->
            peer.Caller.Options <- lively
            openPlain peer

            for _ in 1..4 do
                match peer.Next() with
                | Frame(header, payload) when header.Opcode.IsPing -> sendFrame peer true 0 10 payload
                | other -> failed $"a ping was expected; {describe other}"

            closeCleanly peer)

        case "a server that does not read" "After SendTimeout the caller is told." (fun peer ->
            peer.Caller.Options <-
                ClientOptions(
                    Proxy = null,
                    Compression = null,
                    SendTimeout = Nullable(TimeSpan.FromMilliseconds 200.0)
                )

            peer.Caller.Act <-
                (fun connection ->
                    while true do
                        connection.Send(ReadOnlySpan(Array.zeroCreate<byte> 1_000_000)))

            openPlain peer
            toldCode 1006 "" peer)
    ]
}

let section: Section = {
    Name = "The client's own closing"
    Groups = [ client; life ]
}
