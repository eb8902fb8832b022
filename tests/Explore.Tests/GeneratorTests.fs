/// What the generators make, and how it gets simpler.
module FunctionalWs.Explore.Tests.GeneratorTests

open System
open System.Buffers
open System.Reflection
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Explore
open FunctionalWs.Generators
open FunctionalWs.Protocol

let private testProperty name property =
    testPropertyWithConfig
        {
            FsCheckConfig.defaultConfig with
                arbitrary = [ typeof<ProtocolValues> ]
        }
        name
        property

let private map = ArbMap.defaults |> ArbMap.mergeWithType typeof<ProtocolValues>

/// Always the first simpler value, until there is none: so many steps.
let private stepsToSimplest (arbitrary: Arbitrary<'T>) (value: 'T) : 'T * int =
    let rec go (value: 'T) (steps: int) =
        match Seq.tryHead (arbitrary.Shrinker value) with
        | Some simpler when steps < 10_000 -> go simpler (steps + 1)
        | Some _ -> failwith $"it never ends: {value}"
        | None -> value, steps

    go value 0

let private simplest (arbitrary: Arbitrary<'T>) (expected: 'T -> bool) =
    for value in Gen.sample 50 arbitrary.Generator do
        let last, _ = stepsToSimplest arbitrary value
        test <@ expected last @>

[<Tests>]
let tests =
    testList "generators" [
        testCase "make values of each of their types, and of lists, commands, states and steps" (fun () ->
            let sample (arbitrary: Arbitrary<'T>) =
                (Gen.sample 20 arbitrary.Generator).Length =! 20

            sample (map.ArbFor<Command>())
            sample (map.ArbFor<State>())
            sample (map.ArbFor<Transition>())
            sample (map.ArbFor<ConnectionSettings>())
            sample (map.ArbFor<WireFrame list>())
            sample (map.ArbFor<JoinedMove list>())
            sample (map.ArbFor<JoinedEnds>())
            sample (map.ArbFor<EquatableList<string>>()))

        testCase "make everything simpler until it can't be" (fun () ->
            simplest (ProtocolValues.CloseCode()) (fun code -> code = CloseCode.NormalClosure)
            simplest (ProtocolValues.CloseStatus()) (fun status -> status = CloseStatus.NoStatus)
            simplest (ProtocolValues.ControlPayload()) (fun payload -> payload.Length = 0)
            simplest (ProtocolValues.Limits()) (fun limits -> limits = Limits.Default)
            simplest (ProtocolValues.FrameHeader()) (fun header -> header.PayloadLength = 0L)
            simplest (ProtocolValues.Cuts()) (fun cuts -> cuts.Places.IsEmpty)
            simplest (ProtocolValues.Headers()) (fun headers -> Seq.isEmpty headers)

            simplest (ProtocolValues.ConnectionSettings()) (fun settings ->
                settings = ConnectionSettings.Server || settings = ConnectionSettings.Client)

            simplest (ProtocolValues.WireFrame()) (fun frame ->
                frame.Fault.IsNone && frame.Payload.Length = 0 && frame.Fin)

            simplest (ProtocolValues.OpeningHead()) (fun head ->
                head.Target = "/" && head.Subprotocols.IsEmpty && head.Others.IsEmpty))

        testCase "find the smallest list of frames that breaks a rule" (fun () ->
            let keeps (frames: WireFrame list) =
                (Explain.bytes ConnectionSettings.Server (WireFrame.ToBytes(Role.Client, frames))).IsSound

            let result =
                try
                    Check.One(
                        Config.QuickThrowOnFailure
                            .WithArbitrary([ typeof<ProtocolValues> ])
                            .WithMaxTest(1_000),
                        keeps
                    )

                    ""
                with error ->
                    error.Message

            // Two frames are enough for each rule that random frames break, most often one.
            test <@ result <> "" @>
            // The first that was found may be the smallest.
            let smallest =
                result.Substring(max (result.IndexOf "Original:") (result.IndexOf "Shrunk:"))

            test <@ smallest.Split("; ").Length <= 2 @>)

        testProperty
            "cut bytes into pieces that are those bytes, and into segments as many"
            (fun (cuts: Cuts) (bytes: byte[]) ->
                let pieces = cuts.Pieces bytes
                Array.concat pieces =! bytes
                pieces.Length =! cuts.Places.Length + 1
                let segments = cuts.Segments bytes
                segments.ToArray() =! bytes)

        testProperty
            "make heads that a server accepts, however they are cut"
            (fun (head: OpeningHead) (cuts: Cuts) ->
                let mutable side =
                    ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server)

                let sink, answers = ArrayBufferWriter<byte>(), ArrayBufferWriter<byte>()

                for piece in cuts.Pieces(head.ToBytes()) do
                    if piece.Length > 0 then
                        side <-
                            side.Receive(ReadOnlySpan piece, sink, answers, DateTimeOffset.UnixEpoch).Next

                side.ToString() =! "Server, Open")

        testProperty
            "make frames that are read as what they say, if nothing is wrong"
            (fun (frame: WireFrame) ->
                let right = { frame with Fault = FrameFault.None }

                for sender, settings in
                    [
                        Role.Client, ConnectionSettings.Server
                        Role.Server, ConnectionSettings.Client
                    ] do
                    match FrameReader.readMemory settings (ReadOnlyMemory(right.ToBytes sender)) with
                    | FrameParse.Complete read ->
                        read.Header.Opcode =! frame.Opcode

                        read.ToArray()
                        =! (if frame.Opcode.IsControl then
                                Array.truncate 125 frame.Payload
                            else
                                frame.Payload)
                    | other -> failwith $"{other}")

        testCase "tell frames, cuts and heads in words" (fun () ->
            let frame = {
                Fin = false
                Opcode = Opcode.Text
                Payload = "hi"B
                Fault = FrameFault.WrongMask
            }

            frame.ToString() =! "Text 6869, not final, WrongMask"
            { Places = [ 7us; 65_535us ] }.ToString() =! "cut at 7,65535 of 65535"

            {
                Target = "/chat"
                Subprotocols = [ "a"; "b" ]
                Others = [ "X", "1" ]
            }
                .ToString()
            =! "GET /chat, offers [a, b], 1 other headers")
    ]
