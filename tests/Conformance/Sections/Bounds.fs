/// What a client takes at most, and what it says to more (RFC 6455 §10.4).
module FunctionalWs.Conformance.Sections.Bounds

open System
open FunctionalWs
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Compression
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private max = 1_000

let private small =
    ClientOptions(
        Proxy = null,
        MaxMessageSize = Nullable max,
        Compression =
            PerMessageDeflate(ServerMaxWindowBits = Nullable(), ClientMaxWindowBits = Nullable(), MinSize = 0)
    )

let private taken
    (name: string)
    (options: ClientOptions)
    (kind: int)
    (payload: byte[])
    (send: Peer -> unit)
    : Case =
    case name "The same message." (fun peer ->
        peer.Caller.Options <- options
        echo kind payload send peer)

let private tooMuch (name: string) (options: ClientOptions) (code: int) (send: Peer -> unit) : Case =
    case name (expectedRefusal [ code ]) (fun peer ->
        peer.Caller.Options <- options
        violation [ code ] send peer)

let private parts (size: int) (count: int) =
    List.replicate count (sample false size)

let private inFrames (kind: int) (parts: byte[] list) (peer: Peer) =
    peer.Send($"{parts.Length} frames", Array.concat (Fragmentation.frames peer kind parts))

/// A frame's header and the beginning of its payload.
let private begun (kind: int) (length: int64) (peer: Peer) =
    let bytes = BitConverter.GetBytes length
    Array.Reverse bytes
    peer.Send($"{length} bytes begin", frameWith peer (0x80uy ||| byte kind) (127uy, bytes) (sample false 10))

let private messages = {
    Title = "The size of a message"
    Cases = [
        for kind in [ text; binary ] do
            for size in [ max - 1; max ] do
                let payload = sample false size

                taken $"{kindName kind} of {size} bytes" small kind payload (fun peer ->
                    sendFrame peer true 0 kind payload)

            for size in [ max + 1; 10 * max; 100_000 ] do
                tooMuch $"{kindName kind} of {size} bytes" small 1009 (fun peer ->
                    sendFrame peer true 0 kind (sample false size))

            taken
                $"{kindName kind} of {max} bytes in two fragments"
                small
                kind
                (Array.concat (parts 500 2))
                (inFrames kind (parts 500 2))

            tooMuch
                $"{kindName kind} of {max + 1} bytes in fragments"
                small
                1009
                (inFrames kind (parts 500 2 @ parts 1 1))

            tooMuch $"{kindName kind} of many fragments" small 1009 (inFrames kind (parts 10 200))

            for length in [ 65_536L; 1_000_000_000L; Int64.MaxValue ] do
                tooMuch
                    $"{kindName kind} that says it has {length} bytes, before they come"
                    small
                    1009
                    (begun kind length)

        taken
            "nothing, where nothing may be"
            (ClientOptions(Proxy = null, MaxMessageSize = Nullable 0))
            text
            [||]
            (fun peer -> sendText peer "")

        tooMuch
            "a byte, where nothing may be"
            (ClientOptions(Proxy = null, MaxMessageSize = Nullable 0))
            1009
            (fun peer -> sendText peer "x")

        case
            "a message that may be taken, then one that is too large"
            $"The message. {expectedRefusal [ 1009 ]}"
            (fun peer ->
                peer.Caller.Options <- small

                violationAfterMessage
                    [ 1009 ]
                    (fun peer -> sendFrame peer true 0 text (sample false (max + 1)))
                    peer)
    ]
}

let private frames = {
    Title = "The size and number of frames"
    Cases = [
        let options =
            ClientOptions(Proxy = null, MaxFragmentSize = Nullable 100, MaxFragments = 4)

        taken
            "frames of the largest size"
            options
            text
            (Array.concat (parts 100 3))
            (inFrames text (parts 100 3))

        tooMuch "a frame that is too large" options 1009 (inFrames text [ sample false 101 ])

        tooMuch
            "a continuation that is too large"
            options
            1009
            (inFrames text [ sample false 1; sample false 101 ])

        taken
            "as many frames as there may be"
            options
            text
            (Array.concat (parts 1 4))
            (inFrames text (parts 1 4))

        tooMuch "too many frames" options 1008 (inFrames text (parts 1 5))
        tooMuch "too many empty frames" options 1008 (inFrames binary (parts 0 5))

        tooMuch "frames without end" options 1008 (fun peer ->
            sendFrame peer false 0 text [||]

            for _ in 1..20 do
                sendFrame peer false 0 0 [||])
    ]
}

let private compressed
    (options: ClientOptions)
    (payload: byte[])
    (finish: Reader -> Peer -> unit)
    (peer: Peer)
    =
    peer.Caller.Options <- options
    answerWith (Head.add "Sec-WebSocket-Extensions" deflate) peer |> ignore
    peer.Compress()
    use compressor = new Compressor(15, false)
    sendCompressed peer binary (compressor.Message payload)

    match FunctionalWs.Protocol.HeaderGrammar.parseExtensions deflate with
    | Ok agreed -> finish (Reader(peer, agreed[0])) peer
    | Error error -> failed $"{error}"

let private refusedWith (code: int) (_: Reader) (peer: Peer) = refused [ code ] peer

let private inflated = {
    Title = "What a compressed message becomes"
    Cases = [
        case
            $"{max} bytes"
            "The same message."
            (compressed small (Array.zeroCreate max) (fun reader peer ->
                Compression.expectMessage reader peer binary (Array.zeroCreate max)
                closeCleanly peer))

        for size in [ max + 1; 100_000; 10_000_000 ] do
            case
                $"{size} bytes"
                (expectedRefusal [ 1009 ])
                (compressed small (Array.zeroCreate size) (refusedWith 1009))

        case
            "100,000 bytes of a few, where they may be 10 times as many"
            (expectedRefusal [ 1008 ])
            (compressed
                (ClientOptions(Proxy = null, Compression = PerMessageDeflate(MaxInflateRatio = Nullable 10)))
                (Array.zeroCreate 100_000)
                (refusedWith 1008))
    ]
}

let private time = {
    Title = "The time that a message takes"
    Cases = [
        let options =
            ClientOptions(Proxy = null, MessageTimeout = Nullable(TimeSpan.FromMilliseconds 200.0))

        tooMuch "a frame that does not end" options 1008 (begun binary 70_000L)

        tooMuch "a fragment, and nothing more" options 1008 (fun peer ->
            sendFrame peer false 0 text (utf8 "begun"))
    ]
}

let section: Section = {
    Name = "Limits"
    Groups = [ messages; frames; inflated; time ]
}
