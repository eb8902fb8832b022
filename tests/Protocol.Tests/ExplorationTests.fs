/// Every sequence of a small alphabet of inputs and commands, to a depth, with what must hold at every step.
module FunctionalWs.Protocol.Tests.ExplorationTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

let private status = CloseStatus.Create(CloseCode.GoingAway, "")

let private settings = {
    ConnectionSettings.Server with
        Limits = Limits.Create(3L, 2L, 3)
}

type private Step =
    | Bytes of byte[]
    | End
    | Send of Command

let private alphabet = [
    Bytes(frame true Opcode.Text [| 65uy |])
    Bytes(frame false Opcode.Text [| 0xC3uy |])
    Bytes(frame false Opcode.Binary [| 1uy; 2uy |])
    Bytes(frame false Opcode.Continuation [| 0xA9uy |])
    Bytes(frame true Opcode.Continuation [||])
    Bytes(frame true Opcode.Ping [| 1uy |])
    Bytes(frame true Opcode.Close (close 1000 ""))
    Bytes(frame true Opcode.Close [| 0uy |])
    Bytes(frameOf Role.Server true Opcode.Text [||])
    End
    Send(Command.Message MessageKind.Text)
    Send(Command.FirstFragment MessageKind.Binary)
    Send(Command.NextFragment true)
    Send(Command.Ping ControlPayload.Empty)
    Send(Command.Close status)
    Send(Command.Fail status)
]

let private stepWith (state: State) (step: Step) : Transition voption =
    match step with
    | End -> ValueSome(Connection.receive settings state Input.EndOfStream)
    | Send command ->
        match Connection.send state command with
        | SendResult.Accepted transition -> ValueSome transition
        | SendResult.Refused _ -> ValueNone
    | Bytes data ->
        let buffer = whole data

        match FrameReader.read settings &buffer with
        | FrameParse.Complete frame -> ValueSome(Connection.receive settings state (Input.Received frame))
        | FrameParse.Malformed error -> ValueSome(Connection.receive settings state (Input.Broken error))
        | FrameParse.Incomplete -> failwith "the alphabet has whole frames"

let private isClose (output: Output voption) =
    match output with
    | ValueSome(Output.Close _) -> true
    | ValueSome _
    | ValueNone -> false

let private isClosed (state: State) =
    match state with
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _
    | State.Draining _ -> false

let private check (before: State) (closeWritten: bool) (transition: Transition) =
    if closeWritten && transition.Output.IsSome then
        failwith $"{before}: {transition.Output} after the close frame"

    if isClosed before && transition.State <> before then
        failwith $"{before}: left for {transition.State}"

    match transition.State with
    | State.Open(ValueSome message, _)
    | State.CloseSent(_, ValueSome message) ->
        if
            message.Size > settings.Limits.MaxMessageSize
            || message.Fragments > settings.Limits.MaxFragments
        then
            failwith $"{before}: {message} is over the limits"
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> ()

    match before, transition.State with
    | State.Open _, (State.CloseSent _ | State.Draining _) when not (isClose transition.Output) ->
        failwith $"{before}: closing without a close frame"
    | _ -> ()

let rec private explore (depth: int) (state: State) (closeWritten: bool) : int64 =
    if depth = 0 then
        0L
    else
        let mutable steps = 0L

        for step in alphabet do
            match stepWith state step with
            | ValueNone -> ()
            | ValueSome transition ->
                check state closeWritten transition
                let written = closeWritten || isClose transition.Output
                steps <- steps + 1L + explore (depth - 1) transition.State written

        steps

[<Tests>]
let exploration =
    testList "exhaustive exploration" [
        testCase "all sequences of 16 steps to depth 5 keep the invariants" (fun () ->
            let steps = explore 5 Connection.start false
            test <@ steps = 253_535L @>)
    ]
