/// What the caller of a client has, and is told, however its connection ends (RFC 6455 §7.1).
module FunctionalWs.Conformance.Sections.Told

open System
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

/// A caller that keeps the messages and answers none.
let private keeping (peer: Peer) : List<string> =
    let got = List<string>()

    peer.Caller.Act <-
        (fun connection ->
            for message in connection.Messages do
                got.Add(
                    if message.IsText then
                        message.Text
                    else
                        $"{message.Data.Length} bytes"
                ))

    got

let private has (expected: string list) (got: List<string>) =
    if List.ofSeq got <> expected then
        failed $"""the caller has {got.Count} messages: {String.Join(", ", Seq.truncate 5 got)}"""

/// Reads what the client says, up to the end of the stream.
let rec drain (peer: Peer) =
    match peer.Next() with
    | Frame _ -> drain peer
    | End _ -> ()
    | Nothing -> failed "the stream stayed open"
    | Wrong _ as wrong -> failed (describe wrong)

let private codeOf (connection: ClientConnection) : int =
    connection.CloseCode.GetValueOrDefault()

let toldCode (code: int) (reason: string) (peer: Peer) =
    let connection, _ = Telling.ending peer

    if codeOf connection <> code || connection.CloseReason <> reason then
        failed $"it is told {codeOf connection} '{connection.CloseReason}'"

// ---- The server closes

let private closes (code: int) (reason: string) (isQuiet: bool) : Case =
    let how =
        if isQuiet then
            "ends the loop"
        else
            "is an exception of the loop"

    case
        $"{code} '{reason}' {how}"
        "The caller has the message before it, the code and the reason."
        (fun peer ->
            let got = keeping peer
            openPlain peer
            sendText peer "before"
            sendFrame peer true 0 8 (closePayload code (utf8 reason))

            match peer.Next() with
            | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
            | other -> failed $"a close frame was expected; {describe other}"

            has [ "before" ] got
            toldCode code reason peer

            match Telling.ending peer with
            | _, null when isQuiet -> ()
            | _, (:? ConnectionClosedErrorException as error) when
                not isQuiet && int error.Received.Number = code
                ->
                ()
            | _, error -> failed $"it met {error}")

let private closing = {
    Title = "The server closes"
    Cases = [
        for code in [ 1000; 1001 ] do
            closes code "" true
            closes code "done: Grüße" true

        for code in [ 1002; 1003 ] @ [ 1007..1014 ] @ [ 3000; 4000; 4999 ] do
            closes code "" false

        closes 4001 "try again: κόσμε" false

        case "without a code" "The loop ends; the code is 1005." (fun peer ->
            keeping peer |> ignore
            openPlain peer
            sendFrame peer true 0 8 [||]

            match peer.Next() with
            | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
            | other -> failed $"a close frame was expected; {describe other}"

            toldCode 1005 "" peer)

        case "within a message" "The message is dropped; the one before it is not." (fun peer ->
            let got = keeping peer
            openPlain peer
            sendText peer "whole"
            sendFrame peer false 0 text (utf8 "never ended")
            closeCleanly peer
            Telling.ending peer |> ignore
            has [ "whole" ] got)

        case "behind 500 messages at once" "The caller has all of them." (fun peer ->
            let got = keeping peer
            openPlain peer

            let wire =
                Array.concat [
                    for i in 1..500 do
                        frame peer true 0 text (utf8 $"{i}")

                    frame peer true 0 8 (closePayload 1000 [||])
                ]

            peer.Send("500 messages and a close frame", wire)
            peer.EndSending()
            drain peer
            Telling.ending peer |> ignore
            has [ for i in 1..500 -> $"{i}" ] got)

        case "and ends the stream at once" "The loop ends as the close frame has it." (fun peer ->
            let got = keeping peer
            openPlain peer

            peer.Send(
                "message, close",
                Array.append
                    (frame peer true 0 text (utf8 "last"))
                    (frame peer true 0 8 (closePayload 1000 [||]))
            )

            peer.EndSending()
            drain peer
            toldCode 1000 "" peer
            has [ "last" ] got)

        case
            "and does not end the stream"
            "The client ends it after CloseTimeout, and the loop ends."
            (fun peer ->
                peer.Caller.Options <-
                    ClientOptions(Proxy = null, CloseTimeout = Nullable(TimeSpan.FromMilliseconds 200.0))

                keeping peer |> ignore
                openPlain peer
                sendClose peer 1000
                drain peer
                toldCode 1000 "" peer)
    ]
}

// ---- The stream ends

let private ends (name: string) (expected: string list) (send: Peer -> unit) (isReset: bool) : Case =
    case
        name
        "The loop throws ConnectionClosedErrorException; the code is 1006; messages that came are there."
        (fun peer ->
            let got = keeping peer
            openPlain peer
            send peer

            if isReset then
                // Who resets takes back what was not read: the messages are the caller's first.
                peer.Reset()
            else
                peer.EndSending()
                drain peer

            toldCode 1006 "" peer

            match Telling.ending peer with
            | _, (:? ConnectionClosedErrorException as error) when isNull (box error.Received) -> ()
            | _, error -> failed $"it met {error}"

            has expected got)

let private endings = {
    Title = "The stream ends without a close frame"
    Cases = [
        ends "at once" [] ignore false
        ends "after a message" [ "one" ] (fun peer -> sendText peer "one") false
        ends "within a fragmented message" [] (fun peer -> sendFrame peer false 0 text (utf8 "part")) false

        for size in [ 1; 2; 4 ] do
            ends
                $"after {size} bytes of a frame"
                [ "one" ]
                (fun peer ->
                    sendText peer "one"
                    peer.Send("a part", Array.take size (frame peer true 0 text (utf8 "two"))))
                false

        ends
            "within the header of a large frame"
            []
            (fun peer ->
                peer.Send("a part", Array.take 6 (frame peer true 0 binary (Array.zeroCreate 70_000))))
            false

        ends
            "within a ping"
            []
            (fun peer -> peer.Send("a part", Array.take 3 (frame peer true 0 9 (utf8 "ping"))))
            false
        ends "roughly, at once" [] ignore true
    ]
}

// ---- A rule is broken

let private broken (name: string) (code: int) (isIt: ProtocolError -> bool) (send: Peer -> unit) : Case =
    case
        name
        $"The caller has the message before it, and an exception with what was wrong and {code}."
        (fun peer ->
            let got = keeping peer
            openPlain peer
            sendText peer "before"
            send peer
            refused [ code ] peer

            match Telling.ending peer with
            | _, (:? ConnectionClosedErrorException as error) when
                (match error.InnerException with
                 | :? WebSocketProtocolException as inner -> isIt inner.Error && int error.Sent.Number = code
                 | _ -> false)
                ->
                ()
            | _, error -> failed $"it met {error}"

            has [ "before" ] got)

let private violations = {
    Title = "The server breaks a rule"
    Cases = [
        let any (_: ProtocolError) = true
        broken "a reserved opcode" 1002 any (fun peer -> sendFrame peer true 0 3 [||])
        broken "reserved bits" 1002 any (fun peer -> sendFrame peer true 2 text [||])
        broken "text that isn't UTF-8" 1007 any (fun peer -> sendFrame peer true 0 text [| 0xFFuy |])
        broken "a continuation of nothing" 1002 any (fun peer -> sendFrame peer true 0 0 [||])
        broken "a close frame of one byte" 1002 any (fun peer -> sendFrame peer true 0 8 [| 3uy |])

        broken "a message that is too large" 1009 any (fun peer ->
            sendFrame peer true 0 binary (Array.zeroCreate 1_048_577))

        broken "a masked frame" 1002 any (fun peer ->
            peer.Send("masked", maskedFrame [| 1uy; 2uy; 3uy; 4uy |] 0x81uy (shortest 2) (utf8 "hi")))
    ]
}

let section: Section = {
    Name = "What the caller is told"
    Groups = [ closing; endings; violations ]
}
