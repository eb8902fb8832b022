/// For clients: what a server may answer about permessage-deflate (RFC 7692 §5.1, §7.1).
module FunctionalWs.Conformance.Sections.Terms

open System
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Compression
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private server, client = "server_max_window_bits", "client_max_window_bits"

let private serverForgets, clientForgets =
    "server_no_context_takeover", "client_no_context_takeover"

let private header = "Sec-WebSocket-Extensions"

let private compressing (deflate: PerMessageDeflate) =
    ClientOptions(Proxy = null, Compression = deflate)

let private all = offeringAll (ClientOptions())

// ---- The offer

let private offers (name: string) (options: ClientOptions) (expected: string list) : Case =
    case name $"""Offers {String.Join(", ", expected)}.""" (fun peer ->
        peer.Caller.Options <- options
        let request = answerWith id peer

        match request.All header with
        | [] when expected.IsEmpty -> ()
        | [ value ] when value = String.Join(", ", expected) -> ()
        | found -> failed $"""it offers {String.Join(" and ", found)}"""

        closeCleanly peer)

let private offered = {
    Title = "The offer"
    Cases = [
        offers "no compression" (compressing null) []
        offers "any windows" all [ $"{deflate}; {client}" ]

        for bits in 9..14 do
            offers
                $"a window of {bits} bits for what the client compresses"
                (compressing (PerMessageDeflate(ServerMaxWindowBits = Nullable(), ClientMaxWindowBits = bits)))
                [ $"{deflate}; {client}={bits}" ]

            offers
                $"a window of {bits} bits for what the server compresses"
                (compressing (PerMessageDeflate(ServerMaxWindowBits = bits, ClientMaxWindowBits = Nullable())))
                [ $"{deflate}; {server}={bits}; {client}"; $"{deflate}; {client}" ]

        offers
            "no context at the server"
            (compressing (
                PerMessageDeflate(
                    ServerMaxWindowBits = Nullable(),
                    ClientMaxWindowBits = Nullable(),
                    ServerNoContextTakeover = true
                )
            ))
            [ $"{deflate}; {serverForgets}; {client}"; $"{deflate}; {client}" ]

        offers
            "no context at the client"
            (compressing (
                PerMessageDeflate(
                    ServerMaxWindowBits = Nullable(),
                    ClientMaxWindowBits = Nullable(),
                    ClientNoContextTakeover = true
                )
            ))
            [ $"{deflate}; {clientForgets}; {client}" ]
    ]
}

// ---- Answers

let private answer (options: ClientOptions) (values: string list) (peer: Peer) =
    peer.Caller.Options <- options

    peer
    |> answerWith (fun head -> (head, values) ||> List.fold (fun head value -> Head.add header value head))
    |> ignore

let private agreedOn (name: string) (options: ClientOptions) (value: string) : Case =
    case name "The connection opens; compressed messages go both ways." (fun peer ->
        answer options [ value ] peer
        peer.Compress()

        let agreed =
            match HeaderGrammar.parseExtensions value with
            | Ok agreed -> agreed[0]
            | Error error -> failed $"{error}"

        let reader = Reader(peer, agreed)
        let bits = bitsOf server agreed |> Option.defaultValue 15
        use compressor = new Compressor(max 9 bits, has serverForgets agreed)

        // A window of 8 bits is too small for what zlib makes of more.
        let sizes = if bits = 8 then [ 10; 100 ] else [ 10; 1_000; 20_000 ]

        for size in sizes do
            let payload = sample true size
            sendCompressed peer text (compressor.Message payload)
            Compression.expectMessage reader peer text payload

        closeCleanly peer)

let private accepted = {
    Title = "Answers that the client keeps to"
    Cases = [
        agreedOn "no parameters" all deflate

        for bits in 8..15 do
            agreedOn $"{server}={bits}" all $"{deflate}; {server}={bits}"
            agreedOn $"{client}={bits}" all $"{deflate}; {client}={bits}"

        agreedOn serverForgets all $"{deflate}; {serverForgets}"
        agreedOn clientForgets all $"{deflate}; {clientForgets}"
        agreedOn "all parameters" all $"{deflate}; {serverForgets}; {clientForgets}; {server}=15; {client}=9"
        agreedOn "a value in quotes" all $"{deflate}; {client}=\"12\""
        agreedOn "blanks where they may be" all $"{deflate} ;  {client} = 12 ; {clientForgets}"

        agreedOn
            "a smaller window than was offered"
            (compressing (PerMessageDeflate(ClientMaxWindowBits = 12)))
            $"{deflate}; {client}=10"

        agreedOn
            "the window that was offered"
            (compressing (PerMessageDeflate(ClientMaxWindowBits = 12)))
            $"{deflate}; {client}=12"

        agreedOn
            "a larger window at the server than was wished for"
            (compressing (PerMessageDeflate(ServerMaxWindowBits = 10)))
            $"{deflate}; {server}=15"

        agreedOn
            "nothing of the context that the server was asked to forget"
            (compressing (PerMessageDeflate(ServerNoContextTakeover = true)))
            deflate
    ]
}

let private declined = {
    Title = "Answers without compression"
    Cases = [
        for name, values in
            [
                "no answer about it", []
                "an empty answer", [ "" ]
                "two empty answers", [ ""; "" ]
            ] do
            case name "The connection opens; no message is compressed." (fun peer ->
                answer all values peer
                let payload = sample false 2_000
                sendFrame peer true 0 text payload
                Judging.expectMessage peer text payload
                closeCleanly peer)
    ]
}

let private refuses (name: string) (options: ClientOptions) (values: string list) isIt : Case =
    case
        name
        "Connect throws HandshakeRefusedException, which tells why, and the stream is ended."
        (fun peer ->
            answer options values peer
            Telling.refused 101 isIt peer)

let private isRefusal (isIt: DeflateRefusal -> bool) (error: ClientHandshakeError) =
    match error with
    | ClientHandshakeError.Deflate refusal -> isIt refusal
    | _ -> false

let private refused = {
    Title = "Answers that are refused"
    Cases = [
        let wrong name value isIt =
            refuses name all [ $"{deflate}; {value}" ] (isRefusal isIt)

        wrong "an unknown parameter" "unknown" _.IsUnknownParameter
        wrong "an unknown parameter with a value" "unknown=1" _.IsUnknownParameter

        for name in [ server; client ] do
            for bits in [ "7"; "16"; "0"; "-1"; "08"; "1e1"; "x"; "99999999999" ] do
                wrong $"{name}={bits}" $"{name}={bits}" _.IsInvalidValue

            wrong $"{name} without a value" name _.IsInvalidValue

        for name in [ serverForgets; clientForgets ] do
            wrong $"{name} with a value" $"{name}=1" _.IsInvalidValue

        for name in [ $"{server}=10"; $"{client}=10"; serverForgets; clientForgets ] do
            wrong $"{name} twice" $"{name}; {name}" _.IsRepeatedParameter

        for bits in 11..15 do
            refuses
                $"{client}={bits}, and 10 was offered"
                (compressing (PerMessageDeflate(ClientMaxWindowBits = 10)))
                [ $"{deflate}; {client}={bits}" ]
                (isRefusal _.IsWindowTooLarge)

        refuses "the extension twice in a line" all [ $"{deflate}, {deflate}" ] _.IsExtensionRepeated
        refuses "the extension in two lines" all [ deflate; deflate ] _.IsExtensionRepeated
        refuses "another extension besides" all [ $"{deflate}, x-other" ] _.IsExtension
        refuses "another extension in another line" all [ deflate; "x-other" ] _.IsExtension
        refuses "compression that was not offered" (compressing null) [ deflate ] _.IsExtension
    ]
}

let section: Section = {
    Name = "Agreeing on compression"
    Groups = [ offered; accepted; declined; refused ]
}
