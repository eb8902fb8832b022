/// What the handlers of a simulated server do; each call is looked at by the clock.
module FunctionalWs.Simulation.Tests.Handlers

open System
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let milliseconds (count: int) = TimeSpan.FromMilliseconds(float count)

/// The watcher looks every 20 ms at the latest; what it sees first it can measure from its next look on.
let tick = milliseconds 20

type Context = {
    Simulation: Simulation
    Options: ServerOptions
    Ledgers: Dictionary<int, Ledger>
    /// How many handlers run.
    Running: int ref
    Server: unit -> InMemoryServer
}

module Context =
    /// Begins to measure; what it gives fails when more time than a limit has passed. What a slow machine took doesn't count.
    let measure (context: Context) (what: string) (limit: TimeSpan) : unit -> unit =
        let scheduler = context.Simulation.Scheduler
        let start = context.Simulation.Clock.GetTimestamp()
        let slipped = scheduler.Slipped

        fun () ->
            let slowness = TimeSpan.FromTicks(scheduler.Slipped - slipped)
            let taken = context.Simulation.Clock.GetElapsedTime start

            if taken > limit + slowness then
                failwith $"{what} took {taken}, and may take {limit} (and {slowness} of slowness)"

    /// Runs a call that has to end in time, however it ends.
    let timed (context: Context) (what: string) (limit: TimeSpan) (call: unit -> 'a) : 'a =
        let check = measure context what limit

        try
            call ()
        finally
            check ()

    let pause (context: Context) (maxMilliseconds: int) =
        context.Simulation.Sleep(milliseconds (context.Simulation.Random.Next maxMilliseconds))

    let chance (context: Context) (percent: int) =
        context.Simulation.Random.Next 100 < percent

let private valueOr (none: TimeSpan) (span: Nullable<TimeSpan>) =
    if span.HasValue then span.Value else none

// Without a timeout: as long as a run can take.
let private forEver = TimeSpan.FromHours 1.0

let closeLimit (context: Context) =
    valueOr forEver context.Options.CloseTimeout + tick * 2.0

// The most threads that send on one connection.
let private maxSenders = 3

// A send may have to wait for those before it, each of which has its time, and for a closing that has begun.
let private sendLimit (context: Context) =
    valueOr forEver context.Options.SendTimeout * float maxSenders
    + closeLimit context
    + tick * 4.0

/// Notes how a call ended, if the end of the connection ended it.
let private noting (ledger: Ledger) (call: unit -> unit) =
    try
        call ()
        Returned
    with :? ConnectionClosedException as ended ->
        ledger.Ends.Add ended
        Closed ended

let private count (ledger: Ledger) (sender: int) =
    ledger.SentToClient[sender] <- ledger.SentToClient.GetValueOrDefault sender + 1

let private stampOf (ledger: Ledger) (sender: int) = {
    Connection = ledger.Number
    Sender = sender
    Number = ledger.SentToClient.GetValueOrDefault sender
}

/// Sends the next message of a sender.
let send (context: Context) (ledger: Ledger) (sender: int) =
    let message = Payload.make (stampOf ledger sender)

    let ended =
        noting ledger (fun () ->
            Context.timed context "Send" (sendLimit context) (fun () -> ledger.Connection.Send message))

    if ended = Returned then
        count ledger sender

    ended = Returned

/// Sends the next message of a sender in fragments, some time between them.
let private sendParts (context: Context) (ledger: Ledger) (sender: int) =
    let data = (Payload.make (stampOf ledger sender)).Data
    let kind = (Payload.make (stampOf ledger sender)).Kind
    let half = data.Length / 2

    let parts =
        seq {
            yield data.Slice(0, half)
            Context.pause context 60
            yield data.Slice half
        }

    let ended = noting ledger (fun () -> ledger.Connection.Send(parts, kind))

    if ended = Returned then
        count ledger sender

    ended = Returned

let private take (ledger: Ledger) (message: Message) =
    ledger.ReceivedByServer.Add(Payload.stamp message)

/// Waits for a message for a time or for ever; false at the end of the connection.
let private receive (context: Context) (ledger: Ledger) (timeout: TimeSpan voption) =
    let call () =
        match timeout with
        | ValueNone -> take ledger (ledger.Connection.Receive())
        | ValueSome time ->
            Context.timed context "Receive" (time + tick) (fun () ->
                try
                    take ledger (ledger.Connection.Receive time)
                with :? TimeoutException ->
                    ())

    noting ledger call = Returned

let private receiveAll (context: Context) (ledger: Ledger) (each: unit -> unit) =
    ledger.ReadsAll <- true

    while receive context ledger ValueNone do
        each ()

// ---- The handlers

let private echo context ledger =
    receiveAll context ledger (fun () -> send context ledger 0 |> ignore)

let private inParts context ledger =
    receiveAll context ledger (fun () -> sendParts context ledger 0 |> ignore)

let private lazily context ledger =
    receiveAll context ledger (fun () ->
        Context.pause context 300
        send context ledger 0 |> ignore)

let private streamed (context: Context) (ledger: Ledger) =
    ledger.ReadsAll <- true

    let next () =
        let data = List<byte>()
        let mutable kind = MessageKind.Text

        for fragment in ledger.Connection.ReceiveStreaming() do
            kind <- fragment.Kind
            data.AddRange(fragment.Data.ToArray())

            if fragment.IsLast then
                take ledger (Message(kind, ReadOnlyMemory(data.ToArray())))

    while noting ledger next = Returned do
        send context ledger 0 |> ignore

let private impatient (context: Context) (ledger: Ledger) =
    ledger.ReadsAll <- true
    let random = context.Simulation.Random

    while receive context ledger (ValueSome(milliseconds (random.Next 100))) do
        send context ledger 0 |> ignore

/// Several threads send while the handler receives.
let private senders (context: Context) (ledger: Ledger) =
    let run sender () =
        let mutable left = context.Simulation.Random.Next 6

        while left > 0 && send context ledger sender do
            left <- left - 1
            Context.pause context 50

    let threads = [
        for sender in 1..maxSenders -> context.Simulation.Start(run sender, $"sender {sender}")
    ]

    receiveAll context ledger ignore

    for thread in threads do
        if not (thread.Join(TimeSpan.FromMinutes 1.0)) then
            ledger.Fail "a sender did not return"

let private pings (context: Context) (ledger: Ledger) =
    let ping () =
        let ping = ledger.Connection.Ping()

        Context.timed context "Wait" (milliseconds 400 + tick) (fun () ->
            ping.Wait(milliseconds 400) |> ignore)

    while noting ledger ping = Returned
          && receive context ledger (ValueSome(milliseconds 30)) do
        ()

let private takeSome (context: Context) (ledger: Ledger) =
    let mutable left = context.Simulation.Random.Next 4

    while left > 0 && receive context ledger (ValueSome(milliseconds 300)) do
        send context ledger 0 |> ignore
        left <- left - 1

let private closes (context: Context) (ledger: Ledger) =
    takeSome context ledger

    Context.timed context "Close" (closeLimit context) (fun () ->
        ledger.Connection.Close(CloseCode.Create(4000 + ledger.Number), "enough"))

let private throws (context: Context) (ledger: Ledger) =
    takeSome context ledger
    ledger.HandlerHasThrown <- true
    invalidOp "thrown by a handler"

let private sendsAndReturns (context: Context) (ledger: Ledger) =
    let mutable left = context.Simulation.Random.Next 5

    while left > 0 && send context ledger 0 do
        left <- left - 1

let private broadcasts (context: Context) (ledger: Ledger) =
    let mutable number = 0

    receiveAll context ledger (fun () ->
        // A sender of its own: what a slow peer misses leaves gaps there.
        let stamp = {
            Connection = ledger.Number
            Sender = 100
            Number = number
        }

        number <- number + 1

        Broadcast.Send(context.Server().Server.Connections, Payload.make stamp)
        |> ignore)

let all: (string * (Context -> Ledger -> unit)) list = [
    "echo", echo
    "in-parts", inParts
    "lazily", lazily
    "streamed", streamed
    "impatient", impatient
    "senders", senders
    "pings", pings
    "closes", closes
    "throws", throws
    "sends", sendsAndReturns
    "broadcasts", broadcasts
]

let private byName = dict all

/// The handler of the server: the path of the request tells what to do, and for which client.
let run (context: Context) (connection: ServerConnection) =
    let path = connection.Request.Target.Split '/'
    let ledger = context.Ledgers[int path[2]]
    ledger.Connection <- connection
    context.Running.Value <- context.Running.Value + 1

    try
        byName[path[1]] context ledger
    finally
        context.Running.Value <- context.Running.Value - 1
