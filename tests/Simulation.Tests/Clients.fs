/// What the clients do.
module FunctionalWs.Simulation.Tests.Clients

open System
open System.IO
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private drain (ledger: Ledger) =
    try
        while true do
            ledger.ReceivedByClient.Add(Payload.stamp (ledger.Client.Receive TimeSpan.Zero))
    with
    | :? IOException
    | :? TimeoutException -> ()

let private next (ledger: Ledger) = {
    Connection = ledger.Number
    Sender = -1
    Number = ledger.SentToServer
}

let private count (ledger: Ledger) (message: Message) =
    ledger.SentToServer <- ledger.SentToServer + 1
    ledger.Unread.Add message

let private send (ledger: Ledger) =
    let message = Payload.make (next ledger)
    ledger.Client.Send message
    count ledger message

/// Sends a message in fragments, and does something between two of them.
let private sendParts (ledger: Ledger) (between: unit -> unit) =
    let message = Payload.make (next ledger)

    let halves (half: int -> int -> 'part) (length: int) =
        seq {
            yield half 0 (length / 2)
            between ()
            yield half (length / 2) (length - length / 2)
        }

    if message.IsText then
        let text = message.Text
        ledger.Client.Send(halves (fun start count -> text.Substring(start, count)) text.Length)
    else
        let data = message.Data
        ledger.Client.Send(halves (fun start count -> data.Slice(start, count).ToArray()) data.Length)

    count ledger message

let private receive (ledger: Ledger) (milliseconds: int) =
    try
        ledger.ReceivedByClient.Add(Payload.stamp (ledger.Client.Receive(Handlers.milliseconds milliseconds)))
    with :? TimeoutException ->
        ()

/// Runs a call that has to succeed in time where nothing slows the connection down, unless the connection ends.
let private soon (context: Handlers.Context) (ledger: Ledger) (what: string) (limit: TimeSpan) call =
    let check = Handlers.Context.measure context what (ledger.MaxDelay * 2.0 + limit)

    call ()

    if ledger.IsSmooth then
        check ()

// What the watcher reads at a look, at least.
let private readSize = 4096

// Handlers that are never away from their connection: they receive, or send, and nothing of that takes time.
let private isAttentive (ledger: Ledger) =
    List.contains ledger.Handler [ "echo"; "streamed"; "impatient"; "senders"; "broadcasts" ]

/// How long the server may take to answer a ping: while its handler is elsewhere, some looks of the watcher, each of which
/// reads once, and none does while the handler receives what came before the ping, be it read already.
let private pongLimit (ledger: Ledger) =
    let unread = ledger.Unread |> Seq.sumBy (fun message -> message.Data.Length)
    let unreceived = ledger.SentToServer - ledger.ReceivedByServer.Count

    if isAttentive ledger then
        ValueSome TimeSpan.Zero
    elif ledger.IsWhole && unread < readSize / 2 then
        ValueSome(Handlers.tick * float (3 + unreceived))
    else
        ValueNone

let private ping (context: Handlers.Context) (ledger: Ledger) =
    let call () =
        ledger.Client.Ping(ReadOnlySpan [| byte ledger.SentToServer |])

    match pongLimit ledger with
    | ValueSome limit -> soon context ledger "a pong" limit call
    | ValueNone -> call ()

    ledger.Unread.Clear()

/// A handler that does nothing but answer does so before it waits again, if only for the rest of a message: nothing is held
/// back.
let private converse (context: Handlers.Context) (ledger: Ledger) =
    let answers () =
        ledger.ReceivedByClient
        |> Seq.filter (fun stamp -> stamp.Sender = 0)
        |> Seq.length

    let receiveAll () =
        while answers () < ledger.SentToServer do
            ledger.ReceivedByClient.Add(Payload.stamp (ledger.Client.Receive()))

    // There and back, twice: the rest of the message may come after the answers.
    soon context ledger "the answers of an echo" (ledger.MaxDelay * 2.0) (fun () ->
        for _ in 0 .. context.Simulation.Random.Next 5 do
            send ledger

        if Handlers.Context.chance context 50 then
            sendParts ledger receiveAll

        receiveAll ())

let private step (context: Handlers.Context) (ledger: Ledger) =
    match context.Simulation.Random.Next 8 with
    | 0
    | 1 -> send ledger
    | 2 ->
        for _ in 0 .. context.Simulation.Random.Next 5 do
            send ledger
    | 3 -> sendParts ledger (fun () -> Handlers.Context.pause context 60)
    | 4 -> ping context ledger
    | 5 -> Handlers.Context.pause context 200
    | 6 when ledger.Handler = "echo" -> converse context ledger
    | _ -> receive ledger (context.Simulation.Random.Next 100)

let private close (context: Handlers.Context) (ledger: Ledger) =
    let code = CloseCode.Create(3000 + context.Simulation.Random.Next 100)

    if isNull (box ledger.Client.CloseStatus) then
        ledger.ClosedByClient <- CloseStatus.Create(code, "done")

    ledger.Client.Close(code, "done") |> ignore

/// The connection's end as the client wishes it.
let private finish (context: Handlers.Context) (ledger: Ledger) =
    match context.Simulation.Random.Next 4 with
    | 0 ->
        ledger.IsSmooth <- false
        ledger.Client.Dispose()
    | _ -> close context ledger

/// A client's life. What a network without faults doesn't excuse is a failure.
let run (context: Handlers.Context) (ledger: Ledger) (connect: unit -> TestClient) =
    try
        try
            ledger.Client <- connect ()

            for _ in 1 .. context.Simulation.Random.Next 14 do
                step context ledger

            finish context ledger
        with
        | :? IOException
        | :? HandshakeRefusedException
        | :? InvalidOperationException -> () // the server ended it, or stops
        | :? TimeoutException as error when not ledger.IsSmooth -> ignore error
    finally
        if not (isNull ledger.Client) then
            drain ledger
