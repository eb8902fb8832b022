/// What the handlers of an attacked server do: the path of the request chooses one.
module FunctionalWs.Threat.Tests.Handlers

open System
open System.Threading
open FunctionalWs

/// For handlers that never return by themselves.
let private never = new ManualResetEventSlim(false)

let private echo (connection: ServerConnection) =
    for message in connection do
        connection.Send message

/// Receives and forgets.
let private receive (connection: ServerConnection) = Seq.iter ignore connection.Messages

let private stream (connection: ServerConnection) =
    while true do
        for _ in connection.ReceiveStreaming() do
            ()

/// Does something else until the connection has ended.
let private away (connection: ServerConnection) = connection.WaitClosed() |> ignore

/// Computes until the connection is closing, without a look at the connection's messages.
let private compute (connection: ServerConnection) =
    let closed = connection.Closed
    let mutable value = 1L

    while not closed.IsCancellationRequested do
        value <- value * 6_364_136_223_846_793_005L + 1L

let private stuck (_: ServerConnection) = never.Wait()

/// Sends as much as the peer takes.
let private pour (connection: ServerConnection) =
    let data = Array.zeroCreate<byte> 65_536
    Random(1).NextBytes data

    while true do
        connection.Send data

let private threadsThat (count: int) (work: int -> unit) =
    let threads = [
        for which in 0 .. count - 1 do
            let thread = Thread((fun () -> work which), IsBackground = true)
            thread.Start()
            thread
    ]

    for thread in threads do
        thread.Join()

/// The senders of `/senders/COUNT`: each numbers its messages.
let senders = 64

let private sendNumbered (connection: ServerConnection) =
    let count = int (connection.Request.Target.Split('/')[2])

    threadsThat senders (fun which ->
        try
            for number in 0 .. count / senders - 1 do
                connection.Send $"{which}:{number}"
        with :? ConnectionClosedException ->
            ())

    receive connection

/// Sends from several threads until the connection ends, one of them in fragments, and closes now and then.
let private race (connection: ServerConnection) =
    let text = String('x', 300)

    threadsThat 8 (fun which ->
        try
            while true do
                try
                    match which with
                    | 0 -> connection.Send [ text; text ]
                    | 1 -> connection.Ping() |> ignore
                    | _ -> connection.Send text
                with :? ConcurrencyException ->
                    ()
        with :? ConnectionClosedException ->
            ())

let private fail (_: ServerConnection) = invalidOp "a bug of the application"

let private handlers =
    Map [
        "chat", echo
        "receive", receive
        "stream", stream
        "away", away
        "compute", compute
        "stuck", stuck
        "pour", pour
        "senders", sendNumbered
        "race", race
        "fail", fail
    ]

let handle (connection: ServerConnection) =
    handlers[connection.Request.Target.Split('/')[1]] connection
