/// A whole run: a server, some clients, whatever the seed says, and what must hold at its end.
module FunctionalWs.Simulation.Tests.Scenario

open System
open System.Collections.Generic
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests.Handlers

/// Keeps what must not be logged: errors.
type Errors() =
    let all = List<struct (int * string)>()
    member _.All = all

    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled level = level >= LogLevel.Error

        member _.Log
            (level: LogLevel, id: EventId, state: 'state, error: exn, format: Func<'state, exn, string>)
            =
            if level >= LogLevel.Error then
                all.Add(struct (id.Id, $"{format.Invoke(state, error)} {error}"))

    interface ILoggerFactory with
        member errors.CreateLogger(_: string) = errors :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

// The record of a handler that threw.
let private handlerFailed = 24

let private pick (random: Random) (choices: 'a list) = choices[random.Next choices.Length]

// More than any run writes.
let private room = 1 <<< 24

let private some (time: TimeSpan) = Nullable time

/// What the connections of a run are beside the plain ones.
type Variant = {
    /// Whether clients offer compression, and the server agrees to it.
    IsCompressed: bool
    /// Whether streams hold bytes back as TLS does.
    HasRecords: bool
}

module Variant =
    let plain = {
        IsCompressed = false
        HasRecords = false
    }

    let compressed = { plain with IsCompressed = true }
    let records = { plain with HasRecords = true }

    let both = {
        IsCompressed = true
        HasRecords = true
    }

let private isTrue (random: Random) = random.Next 2 = 0

/// With and without history, with windows of all sizes; histories may be given up in the middle.
let private compressionOf (random: Random) =
    PerMessageDeflate(
        ServerNoContextTakeover = isTrue random,
        ClientNoContextTakeover = isTrue random,
        ServerMaxWindowBits = pick random [ Nullable 9; Nullable 12; Nullable() ],
        ClientMaxWindowBits = pick random [ Nullable 9; Nullable 12; Nullable() ],
        Level = pick random [ 1; 6 ],
        MinSize = pick random [ 0; 64 ],
        QuietTime = pick random [ some (milliseconds 30); some (milliseconds 300); Nullable() ]
    )

/// One client in eight offers nothing.
let private offerOf (random: Random) =
    let offer = compressionOf random
    if random.Next 8 = 0 then null else offer

let private optionsOf (variant: Variant) (random: Random) (errors: Errors) =
    ServerOptions(
        OpenTimeout = some (milliseconds 1_000),
        CloseTimeout = some (milliseconds 500),
        SendTimeout = some (milliseconds 800),
        PingInterval = pick random [ Nullable(); some (milliseconds 300) ],
        PingTimeout = some (milliseconds 2_000),
        MessageTimeout = pick random [ Nullable(); some (milliseconds 1_000) ],
        MaxQueue = pick random [ Nullable 1; Nullable 2; Nullable 16 ],
        CoalesceOutput = (random.Next 3 > 0),
        MaxConnections = pick random [ 2; 10; 10 ],
        MaxBroadcastQueue = pick random [ 200; 1_000_000 ],
        SlowPeerPolicy =
            pick random [ SlowPeerPolicy.Skip; SlowPeerPolicy.DropOldest; SlowPeerPolicy.Disconnect ],
        LoggerFactory = errors,
        Compression = (if variant.IsCompressed then compressionOf random else null)
    )

let private networkOf (random: Random) =
    if random.Next 5 < 3 then
        NetworkConditions.Reliable random
    else
        NetworkConditions.Unreliable random

let private clientOf (variant: Variant) (context: Context) (ledger: Ledger) =
    let random = context.Simulation.Random
    let network = networkOf random
    let bufferSize = pick random [ 100; 5_000; room; room ]
    ledger.IsSmooth <- network.Faults.Count = 0 && bufferSize = room

    let options =
        TestClientOptions(
            Network = network,
            BufferSize = bufferSize,
            AnswersPings = (not ledger.IsSmooth || random.Next 10 > 0),
            HasRecords = variant.HasRecords,
            Compression = (if variant.IsCompressed then offerOf random else null)
        )

    if not options.AnswersPings then
        ledger.IsSmooth <- false

    ledger.Handler <- fst (pick random all)
    ledger.IsWhole <- network.MaxPieceSize = Int32.MaxValue
    ledger.MaxDelay <- network.MaxDelay

    fun () ->
        Context.pause context 100

        Clients.run context ledger (fun () ->
            context.Server().Connect($"/{ledger.Handler}/{ledger.Number}", options))

/// Shuts the server down while everybody is at work.
let private shutDown (context: Context) () =
    Context.pause context 800
    let limit = milliseconds (context.Simulation.Random.Next 600)

    Context.timed context "Shutdown" (limit + tick * 2.0) (fun () ->
        context.Server().Server.Shutdown(timeout = limit) |> ignore)

// ---- What must hold

/// Numbers from 0 on without a gap; one more than were sent for a call that failed when its message was out.
let private checkOrder (ledger: Ledger) (what: string) (sent: int) (received: Stamp list) =
    let numbers = [ for stamp in received -> stamp.Number ]

    if numbers <> [ 0 .. numbers.Length - 1 ] then
        ledger.Fail $"{what}: lost, doubled or out of order: {numbers}"

    if numbers.Length > sent + 1 then
        ledger.Fail $"{what}: {numbers.Length} received, {sent} sent"

let private checkBroadcasts (ledger: Ledger) (received: Stamp list) =
    let numbers = [ for stamp in received -> stamp.Number ]

    if numbers <> List.sort (List.distinct numbers) then
        ledger.Fail $"broadcasts are doubled or out of order: {numbers}"

let private checkMessages (ledger: Ledger) =
    let isOwn (stamp: Stamp) (sender: int) =
        stamp.Connection = ledger.Number && stamp.Sender = sender

    let received = List.ofSeq ledger.ReceivedByServer

    if not (received |> List.forall (fun stamp -> isOwn stamp -1)) then
        ledger.Fail "the server received a message of another connection"

    checkOrder ledger "to the server" ledger.SentToServer received

    for (connection, sender), received in
        Seq.groupBy (fun o -> o.Connection, o.Sender) ledger.ReceivedByClient do
        if sender = 100 then
            checkBroadcasts ledger (List.ofSeq received)
        elif connection <> ledger.Number then
            ledger.Fail "the client received a message of another connection"
        else
            let sent = ledger.SentToClient.GetValueOrDefault sender
            checkOrder ledger "to the client" sent (List.ofSeq received)

/// Where nothing went wrong, everything has arrived.
let private checkNothingLost (ledger: Ledger) =
    let connection = ledger.Connection
    let isClosedByClient = not (isNull (box ledger.ClosedByClient))

    let isEcho =
        isClosedByClient
        && ledger.ClosedByClient.Equals connection.Received
        && ledger.ClosedByClient.Equals connection.Sent

    if
        ledger.ReadsAll
        && isEcho
        && ledger.ReceivedByServer.Count <> ledger.SentToServer
    then
        ledger.Fail $"{ledger.SentToServer} sent, {ledger.ReceivedByServer.Count} received by the handler"

    if not (isNull (box ledger.Client.CloseStatus)) then
        for sent in ledger.SentToClient do
            let received =
                ledger.ReceivedByClient
                |> Seq.filter (fun stamp -> stamp.Sender = sent.Key)
                |> Seq.length

            if received < sent.Value then
                ledger.Fail $"sender {sent.Key}: {sent.Value} sent, {received} received by the client"

let private same (left: CloseStatus) (right: CloseStatus) = Object.Equals(left, right)

/// All calls tell of one and the same end, and the two sides of the same close frames.
let private checkEnd (ledger: Ledger) =
    let connection = ledger.Connection

    let ends =
        ledger.Ends
        |> Seq.map (fun ended -> ended.GetType().Name, string ended.Received, string ended.Sent)
        |> Seq.distinct
        |> List.ofSeq

    if ends.Length > 1 then
        ledger.Fail $"more than one end: %A{ends}"

    if connection.State <> ConnectionState.Closed then
        ledger.Fail $"is still {connection.State}"

    let told = ledger.Client.CloseStatus

    if not (isNull (box told)) && not (same told connection.Sent) then
        ledger.Fail $"the client was told {told}, the server says that it sent {connection.Sent}"

    let received = connection.Received

    if
        not (isNull (box received))
        && not (same received ledger.ClosedByClient)
        && not (same received connection.Sent)
    then
        ledger.Fail $"the server received {received}, the client sent {ledger.ClosedByClient}"

    if
        connection.CloseCode
        <> Nullable(if isNull (box received) then 1006 else received.Number)
    then
        ledger.Fail $"the close code is {connection.CloseCode}"

/// How long the server may hold on to a client that says nothing more.
let private silenceLimit (options: ServerOptions) (link: SimulatedLink) =
    options.PingInterval.Value
    + options.PingTimeout.Value
    + link.Conditions.MaxDelay
    + tick * float (1 + Vitals.LooksInVain)

/// The server has let go of silent clients in time: those that don't complete a handshake, and those that are gone.
let private checkSilence (context: Context) (number: int) (isOpened: bool) (link: SimulatedLink) =
    let slowness = TimeSpan.FromTicks context.Simulation.Scheduler.Slipped

    let ended =
        TimeSpan.FromTicks(link.ToClient.EndedByWriter.GetValueOrDefault Int64.MaxValue)

    let check (what: string) (since: int64) (limit: TimeSpan) =
        let until = TimeSpan.FromTicks since + limit + slowness

        if ended > until then
            failwith $"link {number}, {what}: let go at {ended}, and not by {until}"

    let options = context.Options

    if not isOpened then
        check "no handshake" link.Begun (options.OpenTimeout.Value + Opening.LingerTime + tick * 3.0)
    elif link.SilentSince.HasValue && options.PingInterval.HasValue then
        // A handler that doesn't take what has come leaves the client the benefit of the doubt.
        let isHeldUp =
            context.Ledgers.Values
            |> Seq.exists (fun ledger -> ledger.Handler = "lazily" || ledger.Handler = "in-parts")

        if not isHeldUp then
            check "silence" link.SilentSince.Value (silenceLimit options link)

let private checkLink (variant: Variant) (context: Context) (number: int) (link: SimulatedLink) =
    let bytes =
        context.Simulation.Scheduler.Trace.BytesOf $"to client {number}"
        |> Wire.plain variant.HasRecords

    Wire.check bytes
    checkSilence context number (Wire.isOpened bytes) link

let private checkErrors (context: Context) (errors: Errors) =
    let thrown =
        context.Ledgers.Values
        |> Seq.filter (fun ledger -> ledger.HandlerHasThrown)
        |> Seq.length

    let isExpected (struct (id, _: string)) = id = handlerFailed
    let expected, others = List.ofSeq errors.All |> List.partition isExpected

    if not others.IsEmpty || expected.Length <> thrown then
        failwith $"{thrown} handlers threw; errors were logged: %A{List.ofSeq errors.All}"

let private check (variant: Variant) (context: Context) (isShutDown: bool) =
    for ledger in context.Ledgers.Values do
        if not (isNull ledger.Connection) && not (isNull ledger.Client) then
            checkMessages ledger
            checkEnd ledger

            if ledger.IsSmooth then
                checkNothingLost ledger

            if ledger.IsSmooth && not isShutDown && isNull (box ledger.Client.CloseStatus) then
                ledger.Fail "nothing went wrong, and yet the client saw no close frame"

    context.Simulation.Links
    |> Seq.iteri (fun index link -> checkLink variant context (index + 1) link)

/// Runs one seed.
let run (variant: Variant) (simulation: Simulation) =
    let random = simulation.Random
    let errors = new Errors()
    let mutable server: InMemoryServer = null

    let context = {
        Simulation = simulation
        Options = optionsOf variant random errors
        Ledgers = Dictionary()
        Running = ref 0
        Server = fun () -> server
    }

    server <- simulation.Serve(Action<ServerConnection>(Handlers.run context), context.Options)
    let isShutDown = random.Next 4 = 0

    let threads = [
        for number in 1 .. random.Next(1, 5) do
            let ledger = Ledger number
            context.Ledgers[number] <- ledger
            simulation.Start(clientOf variant context ledger, $"client {number}")
        if isShutDown then
            simulation.Start(shutDown context, "shutdown")
    ]

    for thread in threads do
        if not (thread.Join(TimeSpan.FromMinutes 5.0)) then
            failwith $"{thread} did not return"

    server.Dispose()

    if not (simulation.WaitUntil((fun () -> context.Running.Value = 0), TimeSpan.FromMinutes 1.0)) then
        failwith "a handler did not return"

    // The handler's return is followed by the closing, on the same thread.
    simulation.Sleep(milliseconds 1_000)
    check variant context isShutDown
    checkErrors context errors
