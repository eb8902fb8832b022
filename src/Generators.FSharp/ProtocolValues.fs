// Random values of the types that check what they are made of, and of what connections consist of, with shrinking.
namespace FunctionalWs.Generators

open System
open System.Collections.Generic
open System.Net
open FsCheck
open FsCheck.FSharp
open FunctionalWs.Explore
open FunctionalWs.Protocol

/// <summary>
/// Generators for FsCheck, by type: <c>Config.WithArbitrary [ typeof&lt;ProtocolValues&gt; ]</c>, <c>FsCheckConfig.arbitrary</c> of Expecto,
/// <c>[&lt;Properties(Arbitrary = [| typeof&lt;ProtocolValues&gt; |])&gt;]</c> of xUnit and NUnit. With them FsCheck makes all unions and
/// records of <c>FunctionalWs.Protocol</c>, commands, states and transitions among them, by its default generators.
/// </summary>
[<AbstractClass; Sealed>]
type ProtocolValues =

    /// <summary>Close codes that may be sent (RFC 6455 §7.4); 1000 is the simplest.</summary>
    static member CloseCode() : Arbitrary<CloseCode> =
        let codes =
            Gen.oneof [ Gen.choose (1000, 1003); Gen.choose (1007, 1014); Gen.choose (3000, 4999) ]
            |> Gen.map CloseCode.Create

        let simpler (code: CloseCode) =
            if code = CloseCode.NormalClosure then
                Seq.empty
            else
                Seq.singleton CloseCode.NormalClosure

        Arb.fromGenShrink (codes, simpler)

    /// <summary>What close frames say: nothing, or a code and a short reason.</summary>
    static member CloseStatus() : Arbitrary<CloseStatus> =
        let coded (code: CloseCode) (reason: string) = CloseStatus.Create(code, reason)

        let statuses =
            Gen.frequency [
                1, Gen.constant CloseStatus.NoStatus
                4, Gen.map2 coded (ProtocolValues.CloseCode().Generator) Parts.text
            ]

        let simpler (status: CloseStatus) =
            seq {
                match status with
                | NoStatus -> ()
                | Status(code, reason) ->
                    CloseStatus.NoStatus

                    if reason <> "" then
                        CloseStatus.Create(code, "")

                    for code in ProtocolValues.CloseCode().Shrinker code do
                        CloseStatus.Create(code, reason)
            }

        Arb.fromGenShrink (statuses, simpler)

    /// <summary>Payloads of pings and pongs: 0 to 125 bytes.</summary>
    static member ControlPayload() : Arbitrary<ControlPayload> =
        let payloads =
            Gen.choose (0, ControlPayload.MaxLength)
            |> Gen.bind Parts.bytes
            |> Gen.map (fun payload -> ControlPayload.Create(ReadOnlySpan payload))

        let simpler (payload: ControlPayload) =
            Parts.shorter (payload.Span.ToArray())
            |> Seq.map (fun bytes -> ControlPayload.Create(ReadOnlySpan bytes))

        Arb.fromGenShrink (payloads, simpler)

    /// <summary>Limits, small ones and none; the usual ones are the simplest.</summary>
    static member Limits() : Arbitrary<Limits> =
        let size (usual: int64) =
            Gen.oneof [ Gen.constant usual; Gen.choose (0, 300) |> Gen.map int64 ]

        let limits =
            Gen.map3
                (fun message frame count -> Limits.Create(message, frame, count))
                (size Limits.Default.MaxMessageSize)
                (size Limits.Unlimited)
                (Gen.oneof [ Gen.constant Limits.Default.MaxFragments; Gen.choose (1, 5) ])

        let simpler (limits: Limits) =
            if limits = Limits.Default then
                Seq.empty
            else
                Seq.singleton Limits.Default

        Arb.fromGenShrink (limits, simpler)

    /// <summary>Settings of both roles.</summary>
    static member ConnectionSettings() : Arbitrary<ConnectionSettings> =
        let settings =
            gen {
                let! role = Gen.elements [ Role.Server; Role.Client ]
                let! limits = ProtocolValues.Limits().Generator
                let! checks, longLengths = Gen.zip Parts.flag Parts.flag
                let! bits = Gen.elements [ ReservedBits.None; ReservedBits.Rsv1 ]

                return {
                    Role = role
                    Limits = limits
                    ValidateText = checks
                    ReservedBits = bits
                    AllowLongLengths = longLengths
                }
            }

        let simpler (settings: ConnectionSettings) =
            seq {
                for limits in ProtocolValues.Limits().Shrinker settings.Limits do
                    { settings with Limits = limits }

                if not settings.ValidateText then
                    { settings with ValidateText = true }

                if settings.AllowLongLengths then
                    {
                        settings with
                            AllowLongLengths = false
                    }

                if settings.ReservedBits <> ReservedBits.None then
                    {
                        settings with
                            ReservedBits = ReservedBits.None
                    }
            }

        Arb.fromGenShrink (settings, simpler)

    /// <summary>Headers of frames that keep the rules, of all sizes.</summary>
    static member FrameHeader() : Arbitrary<FrameHeader> =
        let make (fin: bool) (opcode: Opcode) (key: uint32 voption) (size: int64) : FrameHeader = {
            Fin = fin
            ReservedBits = ReservedBits.None
            Opcode = opcode
            MaskingKey = key
            PayloadLength = size
            Size = FrameWriter.headerSize size key.IsSome
        }

        let length (opcode: Opcode) =
            if opcode.IsControl then
                Gen.choose (0, ControlPayload.MaxLength) |> Gen.map int64
            else
                Gen.elements [ 0L; 125L; 126L; 65_535L; 65_536L; Int64.MaxValue ]

        let headers =
            gen {
                let! opcode =
                    Gen.elements [
                        Opcode.Continuation
                        Opcode.Text
                        Opcode.Binary
                        Opcode.Close
                        Opcode.Ping
                        Opcode.Pong
                    ]

                let! size = length opcode
                let! fin = Gen.elements [ true; opcode.IsControl ]
                let! key = Gen.elements [ ValueNone; ValueSome WireFrame.Key ]
                return make fin opcode key size
            }

        let simpler (header: FrameHeader) =
            if header.PayloadLength = 0L then
                Seq.empty
            else
                Seq.singleton (make header.Fin header.Opcode header.MaskingKey 0L)

        Arb.fromGenShrink (headers, simpler)

    /// <summary>
    /// Frames as they may come: data for the most part, text with characters of all lengths; one in twelve has something wrong with it. A
    /// list of them is what a peer sends.
    /// </summary>
    static member WireFrame() : Arbitrary<WireFrame> =
        Arb.fromGenShrink (Parts.frame, Parts.simplerFrame)

    /// <summary>Cuts of bytes of any length: none is the simplest.</summary>
    static member Cuts() : Arbitrary<Cuts> =
        let cuts =
            Gen.choose (0, 65_535)
            |> Gen.map uint16
            |> Gen.listOf
            |> Gen.map (fun places -> { Places = places })

        let simpler (cuts: Cuts) =
            seq {
                for skipped in 0 .. cuts.Places.Length - 1 do
                    {
                        Places = List.removeAt skipped cuts.Places
                    }
            }

        Arb.fromGenShrink (cuts, simpler)

    /// <summary>Heads of opening handshakes that keep the rules.</summary>
    static member OpeningHead() : Arbitrary<OpeningHead> =
        let others =
            Gen.zip (Gen.elements [ "X-A"; "Cookie"; "User-Agent" ]) (Gen.elements [ ""; "1"; "a, b" ])

        let heads =
            Gen.map3
                (fun target subprotocols others -> {
                    Target = target
                    Subprotocols = List.distinct subprotocols
                    Others = others
                })
                (Gen.elements [ "/"; "/chat"; "/a/b?x=%20y"; "/?" ])
                (Gen.listOf Parts.name)
                (Gen.listOf others)

        Arb.fromGenShrink (heads, Parts.simplerHead)

    /// <summary>What two joined ends or the network may do; a list of them is a schedule.</summary>
    static member JoinedMove() : Arbitrary<JoinedMove> =
        // Most networks break at no time.
        Gen.frequency [
            for move in JoinedEnds.Moves do
                let weight =
                    match move with
                    | JoinedMove.Cut
                    | JoinedMove.Spoil _ -> 1
                    | JoinedMove.Deliver _ -> 8
                    | JoinedMove.Send(_, (Command.Close _ | Command.Fail _), _) -> 1
                    | JoinedMove.Send _
                    | JoinedMove.Leave _ -> 6

                weight, Gen.constant move
        ]
        |> Arb.fromGen

    /// <summary>Two ends in the middle of a conversation.</summary>
    static member JoinedEnds() : Arbitrary<JoinedEnds> =
        Gen.listOf (ProtocolValues.JoinedMove().Generator)
        |> Gen.map Parts.run
        |> Arb.fromGen

    /// <summary>Timeouts for the opening and the keepalive.</summary>
    static member Timeouts() : Arbitrary<Timeouts> =
        Gen.map2
            (fun opening ping -> Timeouts.Never.WithOpening(opening).WithPing(ping, ping))
            Parts.time
            Parts.time
        |> Arb.fromGen

    /// <summary>Marks of reading ahead.</summary>
    static member ReadAhead() : Arbitrary<ReadAhead> =
        Gen.map3
            (fun low more bytes -> ReadAhead.Create(low + more, low, int64 bytes))
            (Gen.choose (0, 100))
            (Gen.choose (1, 100))
            (Gen.choose (1, 1_000_000))
        |> Arb.fromGen

    /// <summary>Headers, names repeated among them; none is the simplest.</summary>
    static member Headers() : Arbitrary<Headers> =
        let fields = Gen.listOf (Gen.zip Parts.name (Gen.elements [ ""; "1"; "a, b" ]))

        let create (fields: (string * string) list) =
            Headers.Create [ for name, value in fields -> KeyValuePair(name, value) ]

        let simpler (headers: Headers) =
            match List.ofSeq headers with
            | [] -> Seq.empty
            | fields ->
                seq {
                    for skipped in 0 .. fields.Length - 1 do
                        Headers.Create(List.removeAt skipped fields)
                }

        Arb.fromGenShrink (Gen.map create fields, simpler)

    /// <summary>What texts owe in their middle.</summary>
    static member Utf8State() : Arbitrary<Utf8State> =
        Gen.elements [ [||]; [| 0xE2uy |]; [| 0xF0uy; 0x9Fuy |] ]
        |> Gen.map (fun piece ->
            match Utf8.validate Utf8.start (ReadOnlySpan piece) with
            | Utf8Result.Valid state -> state
            | Utf8Result.Invalid _ -> Utf8.start)
        |> Arb.fromGen

    /// <summary>Lists of whatever FsCheck makes lists of.</summary>
    /// <param name="items">The lists.</param>
    static member EquatableList<'T>(items: Arbitrary<'T list>) : Arbitrary<EquatableList<'T>> =
        items |> Arb.convert (fun list -> EquatableList.Create list) List.ofSeq

    /// <summary>What a server wants of compression.</summary>
    static member DeflatePolicy() : Arbitrary<DeflatePolicy> =
        Gen.map4
            (fun server client own theirs -> DeflatePolicy.Create(server, client, own, theirs, false))
            Parts.flag
            Parts.flag
            Parts.bits
            Parts.bits
        |> Arb.fromGen

    /// <summary>What a client offers of compression.</summary>
    static member DeflateOffer() : Arbitrary<DeflateOffer> =
        Gen.map3
            (fun forgets own theirs -> DeflateOffer.Create(forgets, forgets, own, theirs, false))
            Parts.flag
            Parts.bits
            Parts.bits
        |> Arb.fromGen

    /// <summary>Rules for origins, but for those that are functions.</summary>
    static member OriginRule() : Arbitrary<OriginRule> =
        Gen.elements [ OriginRule.Absent; OriginRule.Exact "https://example.com" ]
        |> Arb.fromGen

    /// <summary>Responses of a short text.</summary>
    static member Response() : Arbitrary<Response> =
        Gen.map2 (fun status text -> Response.Text(status, text)) (Gen.elements [ 200; 400; 503 ]) Parts.text
        |> Arb.fromGen

    /// <summary>Ports of this machine.</summary>
    static member IPEndPoint() : Arbitrary<IPEndPoint> =
        Gen.choose (0, 65_535)
        |> Gen.map (fun port -> IPEndPoint(IPAddress.Loopback, port))
        |> Arb.fromGen

    /// <summary>Addresses of servers, with and without credentials.</summary>
    static member WebSocketUri() : Arbitrary<WebSocketUri> =
        Gen.elements [ "ws://h/"; "wss://a:b@example.com:444/x?y=1" ]
        |> Gen.map WebSocketUri.Parse
        |> Arb.fromGen

    /// <summary>What a client asks for.</summary>
    static member ClientOffer() : Arbitrary<ClientOffer> =
        let offer (subprotocols: string[]) (isCompressed: bool) =
            let offer = ClientOffer.Default.WithSubprotocols(Array.distinct subprotocols)

            if isCompressed then
                offer.WithCompression DeflateOffer.Default
            else
                offer

        Gen.map2 offer (Gen.arrayOf Parts.name) Parts.flag |> Arb.fromGen

    /// <summary>What a client and a server have agreed on.</summary>
    static member ClientAgreement() : Arbitrary<ClientAgreement> =
        Gen.subListOf [
            "Sec-WebSocket-Protocol", "chat"
            "Sec-WebSocket-Extensions", "permessage-deflate"
        ]
        |> Gen.map (List.ofSeq >> Parts.agreed)
        |> Arb.fromGen

    /// <summary>What a server asks for before it lets a client in.</summary>
    static member AuthChallenges() : Arbitrary<AuthChallenges> =
        Gen.subListOf [ "Basic realm=a"; "Bearer"; "Negotiate a==" ]
        |> Gen.map (List.ofSeq >> Parts.challenged)
        |> Arb.fromGen
