/// What may happen to a connection at the same time, each with each: whatever it is, messages come whole and once, and both sides end.
module FunctionalWs.Simulation.Tests.PairTests

open System
open System.Collections.Generic
open Expecto
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests.Exploring

/// A connection that two activities use while its client does something, too.
type private World = {
    Simulation: Simulation
    Server: InMemoryServer
    Connection: ServerConnection
    Client: TestClient
    /// What calls that returned have sent.
    Sent: List<string>
    /// What activities of the server received.
    Received: List<string>
    /// What the client received.
    Heard: List<string>
}

/// What an activity does to the others.
type private Kind =
    | Speaks
    /// It goes on until the connection ends.
    | Listens
    | Closes
    /// Messages under way may be lost.
    | Cuts

type private Activity = {
    Name: string
    Kind: Kind
    /// With its number: 1 or 2.
    Run: World -> int -> unit
}

let private ignoringEnd (call: unit -> unit) =
    try
        call ()
    with
    | :? ConnectionClosedException
    | :? ConcurrencyException -> () // it was refused, and nothing has happened

/// Counts as sent when the call returns.
let private say (send: World -> string -> unit) (world: World) (number: int) =
    let text = $"said by {number}"
    send world text
    world.Sent.Add text

let private listen (receive: World -> unit) (world: World) (_: int) = receive world

let private activity (kind: Kind) (name: string) (run: World -> int -> unit) = {
    Name = name
    Kind = kind
    Run = run
}

let private does (call: ServerConnection -> unit) (world: World) (_: int) = call world.Connection

let private ofServer: Activity list = [
    activity Speaks "a sender" (say (fun world text -> world.Connection.Send text))
    activity
        Speaks
        "a sender of fragments"
        (say (fun world text -> world.Connection.Send [ text[..3]; text[4..] ]))
    activity
        Speaks
        "a sender that awaits"
        (say (fun world text ->
            let sending = world.Connection.SendAsync(text).AsTask()
            world.Simulation.Wait(sending, milliseconds 500) =! true
            sending.GetAwaiter().GetResult()))
    activity Speaks "a broadcaster" (fun world number ->
        let text = $"said by {number}"

        if Broadcast.Send([ world.Connection ], text).Sent = 1 then
            world.Sent.Add text)
    activity Speaks "a flush" (does _.Flush())
    activity Speaks "a ping" (does (fun connection -> connection.Ping().Wait(milliseconds 500) |> ignore))
    activity Speaks "a pong" (does _.Pong())
    activity Speaks "a call that gives up" (fun world _ ->
        try
            world.Received.Add(world.Connection.Receive(milliseconds 1).Text)
        with :? TimeoutException ->
            ())
    activity
        Listens
        "a receiver"
        (listen (fun world ->
            for message in world.Connection do
                world.Received.Add message.Text))
    activity
        Listens
        "a receiver of fragments"
        (listen (fun world ->
            while true do
                use fragments = world.Connection.ReceiveStreaming()
                world.Received.Add(String.Join("", Seq.map (fun (part: Fragment) -> part.Text) fragments))))
    activity Closes "a close" (does (fun connection -> connection.Close CloseCode.GoingAway))
    activity
        Closes
        "a close that doesn't wait"
        (does (fun connection -> connection.BeginClose CloseCode.GoingAway))
    activity Closes "a shutdown" (fun world _ -> world.Server.Server.Shutdown() =! 0)
    activity Cuts "an abort" (does _.Abort())
]

let private ofClient: Activity list = [
    activity Speaks "a client that sends" (fun world _ -> world.Client.Send "from the client")
    activity Speaks "a client that sends fragments" (fun world _ ->
        world.Client.Send [ "from "; "the client" ])
    activity Speaks "a client that pings" (fun world _ -> world.Client.Ping())
    activity Cuts "a client that closes" (fun world _ -> world.Client.Close() |> ignore)
    activity Cuts "a client that leaves" (fun world _ -> world.Client.Dispose())
]

let private reading = activity Speaks "a client that reads" (fun _ _ -> ())

let private connect (simulation: Simulation) : World =
    let connections = List<ServerConnection>()

    let handler (connection: ServerConnection) =
        connections.Add connection

        simulation.WaitUntil(fun () -> connection.State = ConnectionState.Closed)
        |> ignore

    let server = simulation.Serve(Action<ServerConnection> handler, quiet)
    let client = server.Connect()
    simulation.WaitUntil(fun () -> connections.Count = 1) |> ignore

    {
        Simulation = simulation
        Server = server
        Connection = connections[0]
        Client = client
        Sent = List()
        Received = List()
        Heard = List()
    }

/// A client is one thread: it does its part, and reads until the end.
let private beClient (world: World) (its: Activity) () =
    ignoringEnd (fun () -> its.Run world 0)

    ignoringEnd (fun () ->
        while true do
            world.Heard.Add(world.Client.Receive().Text))

    world.Client.WaitClosed() |> ignore

let private run (first: Activity) (second: Activity) (its: Activity) (simulation: Simulation) =
    let world = connect simulation
    let start = simulation.Clock.GetTimestamp()
    let threads = List<SimulatedThread>()
    let speaking = List<SimulatedThread>()

    simulation.Interleave(fun () ->
        for number, activity in [ 1, first; 2, second ] do
            let thread =
                simulation.Start(
                    (fun () -> ignoringEnd (fun () -> activity.Run world number)),
                    activity.Name
                )

            threads.Add thread

            if activity.Kind <> Listens then
                speaking.Add thread

        threads.Add(simulation.Start(beClient world its, its.Name))

        for thread in speaking do
            thread.Join(milliseconds 500) =! true)

    let all = [ first; second; its ]
    let ends = all |> List.exists (fun each -> each.Kind = Closes || each.Kind = Cuts)
    let isCut = all |> List.exists (fun each -> each.Kind = Cuts)

    let isListenedTo =
        [ first; second ] |> List.exists (fun each -> each.Kind = Listens)

    let fromClient =
        if its.Name.Contains "sends" then
            [ "from the client" ]
        else
            []

    if not ends then
        if isListenedTo then
            simulation.WaitUntil((fun () -> world.Received.Count = fromClient.Length), milliseconds 100)
            =! true

        ignoringEnd (fun () -> world.Connection.Close())

    for thread in threads do
        thread.Join(milliseconds 500) =! true

    simulation.WaitUntil((fun () -> world.Connection.State = ConnectionState.Closed), milliseconds 100)
    =! true

    // Nothing is said twice, in part, or by nobody; nothing that a call has sent is lost.
    let heard, sent =
        List.sort (List.ofSeq world.Heard), List.sort (List.ofSeq world.Sent)

    (heard = List.distinct heard
     && Set.isSubset (set heard) (set [ "said by 1"; "said by 2" ]))
    =! true

    if not isCut then
        heard =! sent

    let received = List.ofSeq world.Received
    (received = fromClient || received.IsEmpty) =! true

    if isListenedTo && not ends then
        received =! fromClient

    // No deadline had to come for it, but the watcher's looks.
    let elapsed = simulation.Clock.GetElapsedTime start
    (elapsed <= milliseconds 100) =! true

/// Each pair of activities.
let pairs: (string * (Simulation -> unit)) list = [
    for index, first in List.indexed ofServer do
        for second in ofServer[index..] do
            $"{first.Name} and {second.Name}", run first second reading

        for its in ofClient do
            // A call that finds nothing: what it waits for is the client's.
            $"{first.Name} and {its.Name}", run first (activity Speaks "nobody" (fun _ _ -> ())) its
]

/// Runs all schedules of a pair with so many preemptions; ends with the first that fails.
let explore (preemptions: int) (pair: Simulation -> unit) : ExploredSchedules =
    Simulation.ExploreBy(Schedules(preemptions, false), pair, 1_000_000, 1)

[<Tests>]
let tests =
    testSequenced (
        testList "pairs of activities" [
            for name, pair in pairs do
                testCase name (fun () -> (explore 0 pair).IsComplete =! true)
        ]
    )
