module FunctionalWs.Protocol.Tests.AllocationTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

let private settings = ConnectionSettings.Server

/// The bytes that 1,000 calls allocate, once the code is compiled.
let allocatedBy (work: unit -> unit) : int64 =
    for _ in 1..100 do
        work ()

    let allocatedIn (_: int) =
        let before = GC.GetAllocatedBytesForCurrentThread()

        for _ in 1..1_000 do
            work ()

        GC.GetAllocatedBytesForCurrentThread() - before

    // A collection, of what other threads leave, counts the rest of this one's 8 KiB as allocated: the best round is without one.
    Seq.min (List.map allocatedIn [ 1..5 ])

let private readAndReceive (wire: byte[]) () =
    let buffer = whole wire

    match FrameReader.read settings &buffer with
    | FrameParse.Complete frame ->
        let transition = Connection.receive settings Connection.start (Input.Received frame)

        if not transition.Event.IsSome then
            failwith "no message"
    | FrameParse.Incomplete
    | FrameParse.Malformed _ -> failwith "no frame"

let private sendMessage (kind: DataKind) : unit -> unit =
    let command = Command.Message kind

    fun () ->
        match Connection.send Connection.start command with
        | SendResult.Accepted transition when transition.Output.IsSome -> ()
        | SendResult.Accepted _
        | SendResult.Refused _ -> failwith "refused"

/// Code that counts which of its branches are taken allocates in doing so.
let private isInstrumented =
    typeof<State>.Assembly.GetTypes()
    |> Array.exists (fun kind -> string kind.FullName |> _.StartsWith("Coverlet.", StringComparison.Ordinal))

let internal listUnlessInstrumented =
    if isInstrumented then
        printfn "allocations: skipped, since the library is instrumented for coverage"
        ptestList
    else
        testList

[<Tests>]
let allocations =
    testSequenced (
        listUnlessInstrumented "allocations" [
            testTheory
                "reading and receiving a message allocates nothing"
                [ Opcode.Text, 5; Opcode.Text, 3_000; Opcode.Binary, 0; Opcode.Binary, 70_000 ]
                (fun (opcode, size) ->
                    let wire = frame true opcode (Array.create size 65uy)
                    allocatedBy (readAndReceive wire) =! 0L)

            testTheory "sending a message allocates nothing" [ DataKind.Text; DataKind.Binary ] (fun kind ->
                allocatedBy (sendMessage kind) =! 0L)
        ]
    )
