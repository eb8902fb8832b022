(**
---
title: Property tests of your own
category: Scripts
categoryindex: 5
index: 7
---
*)
(**
# Property tests of your own

A protocol that is a value can be tested as one: state what holds, and let FsCheck look for a case in which it does not. This page tests three claims about the core, of which one
is wrong, and shows the smallest case that says so.

As a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi` and a [notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.Protocol, *-*"

(**
FsCheck is a package of its own:
*)
#r "nuget: FsCheck, 3.6.0"

open System
open System.Buffers
open FsCheck
open FsCheck.FSharp
open FunctionalWs.Protocol

(**
## Values

Any list of messages, as a client may send them: each a text or bytes, in one frame or in several. `FsCheck` makes lists and arrays by itself; what is ours is made of them.
*)
type Sent = { IsText: bool; Parts: string list }

let private kindOf (sent: Sent) : Opcode =
    if sent.IsText then Opcode.Text else Opcode.Binary

/// The frames of a message: the first has its kind, the last says that it is the last.
let frames (sent: Sent) : byte[] list =
    let last = sent.Parts.Length - 1

    sent.Parts
    |> List.mapi (fun index part ->
        let opcode = if index = 0 then kindOf sent else Opcode.Continuation
        FrameWriter.encode (index = last) opcode (ValueSome 0x3d21fa37u) (Text.Encoding.UTF8.GetBytes part))

let words = Gen.elements [ ""; "a"; "tea"; "grüße"; "€"; "🎉" ]

let messages: Gen<Sent list> =
    gen {
        let! isText = Gen.elements [ true; false ]
        let! parts = Gen.nonEmptyListOf words
        return { IsText = isText; Parts = parts }
    }
    |> Gen.listOf

(**
## What is heard

The other end takes bytes as they come, in pieces of any size, and tells what it has understood. `cut` is where the pieces end.
*)
let hear (pieces: byte[] list) : (DataKind * string) list =
    let sink, answers = ArrayBufferWriter<byte>(), ArrayBufferWriter<byte>()
    let heard = Collections.Generic.List<DataKind * string>()

    let rec take (endpoint: WebSocketEndpoint) (bytes: byte[]) : WebSocketEndpoint =
        if bytes.Length = 0 then
            endpoint
        else
            let step = endpoint.Receive(bytes, sink, answers)

            match step.Incoming with
            | Incoming.Data(kind, true) ->
                heard.Add(kind, Text.Encoding.UTF8.GetString sink.WrittenSpan)
                sink.ResetWrittenCount()
            | _ -> ()

            take step.Next bytes[step.Consumed ..]

    List.fold take (WebSocketEndpoint.Create ConnectionSettings.Server) pieces
    |> ignore

    List.ofSeq heard

let rec cut (sizes: int list) (bytes: byte[]) : byte[] list =
    match sizes with
    | size :: others when bytes.Length > 0 ->
        let size = 1 + abs size % bytes.Length
        bytes[.. size - 1] :: cut others bytes[size..]
    | _ -> [ bytes ]

(**
## Two claims that hold

What was sent is heard; and it is the same however its bytes are cut, in the middle of a header or of a letter.
*)
let sentences (sent: Sent list) : (DataKind * string) list = [
    for message in sent do
        (if message.IsText then
             DataKind.Text
         else
             DataKind.Binary),
        String.Concat message.Parts
]

let config =
    Config.QuickThrowOnFailure.WithMaxTest(200).WithQuietOnSuccess(true).WithReplay(1UL, 1UL)

let check (claim: string) (property: Property) : unit =
    Check.One(config, property)
    printfn $"200 times: {claim}"

let any = Arb.fromGen messages

check "what is sent is heard" (Prop.forAll any (fun sent -> hear (List.collect frames sent) = sentences sent))

check
    "however its bytes are cut"
    (Prop.forAll (Arb.fromGen (Gen.zip messages (Gen.listOf (Gen.choose (0, 9))))) (fun (sent, sizes) ->
        hear (cut sizes (Array.concat (List.collect frames sent))) = sentences sent))
(*** include-output ***)

(**
## One that doesn't

*A frame of a client is six bytes longer than its payload.* It sounds right, and most frames say so. FsCheck finds one that is not, and makes it as small as it can:
*)
let isSixLonger (size: NonNegativeInt) =
    let payload: byte[] = Array.zeroCreate (size.Get * 10)
    let wire = FrameWriter.encode true Opcode.Binary (ValueSome 7u) payload
    wire.Length = payload.Length + 6

let found =
    try
        Check.One(config, isSixLonger)
        "nothing"
    with error ->
        error.Message.Split('\n') |> Array.find _.Contains("NonNegativeInt") |> _.Trim()

printfn $"not for a payload of ten times {found}"
(*** include-output ***)

(**
Above 125 bytes a length takes two bytes more (RFC 6455 §5.2). Of what a peer may do there is more: frames between the fragments, lengths that lie, streams that end. The repository's own
properties are in `tests/Protocol.Tests`. Next: [find the bug](find-the-bug.html).
*)
(*** hide ***)
if not (found.Contains "13") then
    failwith $"another case than on the page: {found}"
