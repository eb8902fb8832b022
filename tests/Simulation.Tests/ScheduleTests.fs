/// Every schedule that may matter, with two preemptions, of short scenarios: each pair of things that happen to a connection at the same time.
module FunctionalWs.Simulation.Tests.ScheduleTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests.Exploring

/// A lock as the library's own code takes it.
type private Held(gate: Lock) =
    static member take(gate: Lock) : IDisposable =
        Scheduler.Meet(gate, Access.Enter)
        gate.Enter()
        new Held(gate)

    interface IDisposable with
        member _.Dispose() =
            Scheduler.Meet(gate, Access.Leave)
            gate.Exit()

/// A connection whose handler waits, so that the scenario uses it, and its client.
type private Pair = {
    Simulation: Simulation
    Server: InMemoryServer
    Connection: ServerConnection
    Client: TestClient
}

let private connectWith (clientOptions: TestClientOptions) (options: ServerOptions) (simulation: Simulation) =
    let connections = List<ServerConnection>()
    let leave = ref false

    let handler (connection: ServerConnection) =
        connections.Add connection

        simulation.WaitUntil(fun () -> leave.Value || connection.State = ConnectionState.Closed)
        |> ignore

    let server = simulation.Serve(Action<ServerConnection> handler, options)
    let client = server.Connect(options = clientOptions)
    simulation.WaitUntil(fun () -> connections.Count = 1) |> ignore

    {
        Simulation = simulation
        Server = server
        Connection = connections[0]
        Client = client
    }

let private connect (options: ServerOptions) (simulation: Simulation) : Pair =
    connectWith (TestClientOptions()) options simulation

/// Runs things at the same time, in all orders.
let private together (pair: Pair) (first: unit -> unit) (others: (unit -> unit) list) =
    pair.Simulation.Interleave(fun () ->
        let threads = [ for other in others -> pair.Simulation.Start other ]
        first ()

        for thread in threads do
            thread.Join() =! true)

/// What something takes on the simulation's clock is at most so long: nothing waits for a wake-up that was lost.
let private within (limit: TimeSpan) (simulation: Simulation) (run: unit -> unit) =
    let start = simulation.Clock.GetTimestamp()
    run ()
    let elapsed = simulation.Clock.GetElapsedTime start
    min elapsed limit =! elapsed

let private atOnce (pair: Pair) run =
    within TimeSpan.Zero pair.Simulation run

/// One of the watcher's regular passes, every 20 ms, may have to come to it: where nobody receives, and nothing more.
let private soon (pair: Pair) run =
    within (milliseconds 22) pair.Simulation run

/// Comes back at the moment of one of the watcher's passes: it answers the ping, where nobody receives.
let private meetWatcher (pair: Pair) = pair.Client.Ping()

/// So long after that its next one over all connections comes; later if it reads something meanwhile.
let private untilWatcher = milliseconds 4

let private untilWatcherThatReads = milliseconds 6

let private ignoringEnd (call: unit -> unit) =
    try
        call ()
    with :? ConnectionClosedException ->
        ()

let private texts (client: TestClient) (count: int) = [ for _ in 1..count -> client.Receive().Text ]

/// The client may see the end a moment before the server's own thread has come to it.
let private ends (pair: Pair) =
    pair.Simulation.WaitUntil((fun () -> pair.Connection.State = ConnectionState.Closed), milliseconds 100)
    =! true

let private closesNormally (pair: Pair) =
    (pair.Client.Close()).Number =! 1000
    ends pair

/// What was given back is one other connection's, and not two's: each has its own history.
let private haveMemoryEach (options: ServerOptions) (simulation: Simulation) =
    let pairs = [
        for _ in 1..2 -> connectWith (TestClientOptions(Compression = PerMessageDeflate())) options simulation
    ]

    for text in [ "one and one"; "one and one and one" ] do
        for pair in pairs do
            pair.Connection.Send text
            texts pair.Client 1 =! [ text ]

/// The scenarios, by the activities that meet.
let scenarios: (string * (Simulation -> unit)) list = [
    "two senders",
    fun simulation ->
        let pair = connect quiet simulation
        let send (text: string) () = pair.Connection.Send text

        atOnce pair (fun () ->
            together pair (send "one") [ send "two" ]
            List.sort (texts pair.Client 2) =! [ "one"; "two" ])

        closesNormally pair

    "a sender and a broadcaster",
    fun simulation ->
        let pair = connect quiet simulation

        let broadcast () =
            Broadcast.Send([ pair.Connection ], "all") |> ignore

        atOnce pair (fun () ->
            together pair (fun () -> pair.Connection.Send "one") [ broadcast ]
            List.sort (texts pair.Client 2) =! [ "all"; "one" ])

        closesNormally pair

    "two broadcasters and a pong",
    fun simulation ->
        let pair = connect quiet simulation

        let broadcast (text: string) () =
            Broadcast.Send([ pair.Connection ], text) |> ignore

        atOnce pair (fun () ->
            together pair ignore [ (fun () -> pair.Connection.Pong()); broadcast "one"; broadcast "two" ]
            List.sort (texts pair.Client 2) =! [ "one"; "two" ])

        closesNormally pair

    "a receiver and the watcher",
    fun simulation ->
        let pair = connect quiet simulation
        pair.Client.Send "one"
        pair.Client.Send "two"

        let receive () =
            // The watcher has a look at the same moment.
            simulation.Sleep(milliseconds 20)
            pair.Connection.Receive().Text =! "one"
            pair.Connection.Receive().Text =! "two"

        together pair receive []
        closesNormally pair

    "a receiver, and a client that pings and closes",
    fun simulation ->
        let pair = connect quiet simulation
        let received = List<string>()

        let receive () =
            for message in pair.Connection do
                received.Add message.Text

        let leave () =
            pair.Client.Send "one"
            pair.Client.Ping()
            (pair.Client.Close()).Number =! 1000

        soon pair (fun () -> together pair leave [ receive ])
        List.ofSeq received =! [ "one" ]

    "a broadcast that leaves in parts, and a client that pings and closes",
    fun simulation ->
        let connections = List<ServerConnection>()

        let handler (connection: ServerConnection) =
            connections.Add connection

            for _ in connection do
                ()

        let server = simulation.Serve(Action<ServerConnection> handler, quiet)

        use client =
            server.Open(
                options =
                    ClientOptions(PingInterval = Nullable(), Compression = null, MaxMessageSize = 2_000_000)
            )

        simulation.WaitUntil(fun () -> connections.Count = 1) =! true

        // A little more than the client takes at once.
        let broadcast () =
            Broadcast.Send([ connections[0] ], Array.zeroCreate<byte> 1_048_676) |> ignore

        let isAnswered = ref false

        let leave () =
            let ping = client.Ping()
            client.Close()
            isAnswered.Value <- ping.IsAnswered

        simulation.Interleave(fun () ->
            let leaving = simulation.Start leave
            broadcast ()
            leaving.Join() =! true)

        isAnswered.Value =! true

    "both sides close",
    fun simulation ->
        let pair = connect quiet simulation

        let close () =
            pair.Connection.Close(CloseCode.GoingAway)

        let told = ref 0

        let leave () =
            told.Value <- (pair.Client.Close()).Number

        soon pair (fun () -> together pair close [ leave ])
        List.contains told.Value [ 1000; 1001 ] =! true
        ends pair
        pair.Connection.Sent.Number =! told.Value

    "two threads close, one of them sends before",
    fun simulation ->
        let pair = connect quiet simulation

        let close code () =
            pair.Connection.Close(CloseCode.Create code)

        let sendAndClose () =
            ignoringEnd (fun () -> pair.Connection.Send "one")
            close 4001 ()

        let told = ref 0

        soon pair (fun () ->
            together pair sendAndClose [
                close 4002
                (fun () -> told.Value <- (pair.Client.WaitClosed()).Number)
            ])

        List.contains told.Value [ 4001; 4002 ] =! true
        pair.Connection.Sent.Number =! told.Value

    "a ping, its pong and a close",
    fun simulation ->
        let pair = connect quiet simulation

        let ping () =
            ignoringEnd (fun () ->
                let ping = pair.Connection.Ping()
                // Answered or ended: it never waits for longer.
                ping.Wait(milliseconds 500) |> ignore)

        let close () = pair.Connection.Close()
        let answer () = pair.Client.WaitClosed() |> ignore
        soon pair (fun () -> together pair ping [ close; answer ])
        ends pair

    "a shutdown and a sender",
    fun simulation ->
        let pair = connect quiet simulation

        let send () =
            ignoringEnd (fun () -> pair.Connection.Send "one")

        let cut = ref -1

        let stop () =
            cut.Value <- pair.Server.Server.Shutdown()

        let told = ref 0

        together pair stop [ send; (fun () -> told.Value <- (pair.Client.WaitClosed()).Number) ]

        cut.Value =! 0
        told.Value =! 1001

    "a shutdown and a receiver",
    fun simulation ->
        let pair = connect quiet simulation
        pair.Client.Send "one"
        let received = List<string>()

        let receive () =
            for message in pair.Connection do
                received.Add message.Text

        let cut = ref -1

        let stop () =
            cut.Value <- pair.Server.Server.Shutdown()

        together pair stop [ receive; (fun () -> pair.Client.WaitClosed() |> ignore) ]

        cut.Value =! 0
        List.ofSeq received =! [ "one" ]

    "a shutdown and a client that connects",
    fun simulation ->
        // Others may go on while it is decided about the client.
        let think (_: ServerConnection) (_: Request) : Response | null =
            simulation.Sleep TimeSpan.Zero
            null

        let options =
            ServerOptions(PingInterval = Nullable(), Compression = null, ProcessRequest = think)

        let server =
            simulation.Serve(
                Action<ServerConnection>(fun c ->
                    for _ in c do
                        ()),
                options
            )

        let ended = ref false

        let come () =
            try
                server.Connect().WaitClosed().Number =! 1001
            with
            | :? HandshakeRefusedException as refused -> refused.Response.StatusCode =! 503
            | :? IO.IOException
            | :? InvalidOperationException -> () // it came too late

            ended.Value <- true

        simulation.Interleave(fun () ->
            let stopping = simulation.Start(fun () -> server.Server.Shutdown() =! 0)
            come ()
            stopping.Join() =! true)

        ended.Value =! true

    "a shutdown, and a client that is being answered",
    fun simulation ->
        let server =
            simulation.Serve(
                Action<ServerConnection>(fun c ->
                    for _ in c do
                        ()),
                quiet
            )

        // The answer doesn't fit into what the client takes at once: who opens the connection waits where it is decided.
        let slow =
            TestClientOptions(
                BufferSize = 64,
                Network =
                    NetworkConditions(
                        Faults = [| Fault.Stall(StreamDirection.ToClient, 0L, milliseconds 5) |]
                    )
            )

        let come () =
            server.Connect(options = slow).WaitClosed().Number =! 1001

        let coming = simulation.Start come
        simulation.Sleep(milliseconds 1)

        simulation.Interleave(fun () ->
            simulation.Sleep(milliseconds 4)
            server.Server.Shutdown() =! 0
            coming.Join() =! true)

    "a sender waits for a slow client",
    fun simulation ->
        let slow = TestClientOptions(BufferSize = 64)
        let pair = connectWith slow quiet simulation

        let send () =
            pair.Connection.Send(Array.zeroCreate<byte> 200)

        let broadcast () =
            Broadcast.Send([ pair.Connection ], "all") |> ignore

        let received = List<int>()

        let receive () =
            for _ in 1..2 do
                received.Add(pair.Client.Receive().Data.Length)

        soon pair (fun () -> together pair receive [ send; broadcast ])
        List.sort (List.ofSeq received) =! [ 3; 200 ]
        closesNormally pair

    "a broadcast that leaves in parts, and a sender",
    fun simulation ->
        let slow = TestClientOptions(BufferSize = 64)
        let pair = connectWith slow quiet simulation

        let broadcast () =
            Broadcast.Send([ pair.Connection ], String('b', 100)) |> ignore

        let send () = pair.Connection.Send "one"

        let receive () =
            List.sort (texts pair.Client 2) =! [ String('b', 100); "one" ]

        soon pair (fun () -> together pair receive [ broadcast; send ])
        // What waited has left, whoever wrote it: nothing more is waited for.
        simulation.Wait(pair.Connection.SendAsync("two").AsTask(), milliseconds 500)
        =! true

        texts pair.Client 1 =! [ "two" ]
        closesNormally pair

    "what waits for a slow client is counted while it waits, and no longer",
    fun simulation ->
        let slow = TestClientOptions(BufferSize = 64)

        let options =
            ServerOptions(PingInterval = Nullable(), Compression = null, MaxBroadcastQueue = 1_000)

        let pair = connectWith slow options simulation
        let payload = String('b', 150)
        let sent = ref 0

        let broadcast () =
            for _ in 1..2 do
                sent.Value <- sent.Value + Broadcast.Send([ pair.Connection ], payload).Sent

        let receive () =
            texts pair.Client 2 =! [ payload; payload ]

        // The watcher sends what is left, a part each time.
        within (milliseconds 200) simulation (fun () -> together pair broadcast [ receive ])

        for _ in 1..5 do
            broadcast ()
            receive ()

        sent.Value =! 12
        pair.Connection.BroadcastCost =! 0L

        for _ in 1..5 do
            broadcast ()

        min pair.Connection.BroadcastCost 1_000L =! pair.Connection.BroadcastCost

        for _ in 13 .. sent.Value do
            texts pair.Client 1 =! [ payload ]

        closesNormally pair

    "a full queue, the watcher and a receiver",
    fun simulation ->
        let options =
            ServerOptions(PingInterval = Nullable(), Compression = null, MaxQueue = Nullable 1)

        let pair = connect options simulation

        for text in [ "one"; "two"; "three" ] do
            pair.Client.Send text

        // The watcher has read as far as it may.
        simulation.Sleep(milliseconds 100)

        let receive () =
            [ for _ in 1..3 -> pair.Connection.Receive().Text ] =! [ "one"; "two"; "three" ]

        let leave () = (pair.Client.Close()).Number =! 1000
        together pair receive [ leave ]
        ends pair

    "compression that is given back while a sender compresses",
    fun simulation ->
        let deflate = PerMessageDeflate(MinSize = 0, QuietTime = Nullable(milliseconds 20))
        let options = ServerOptions(PingInterval = Nullable(), Compression = deflate)

        let pair =
            connectWith (TestClientOptions(Compression = PerMessageDeflate())) options simulation

        pair.Connection.Send "the first message"

        let send () =
            // The watcher gives the memory back at the same moment.
            simulation.Sleep(milliseconds 40)
            pair.Connection.Send "the first message"

        let broadcast () =
            simulation.Sleep(milliseconds 40)
            Broadcast.Send([ pair.Connection ], "the first message") |> ignore

        together pair send [ broadcast ]
        texts pair.Client 3 =! List.replicate 3 "the first message"
        closesNormally pair

    "an extension's memory at the end, and a broadcast",
    fun simulation ->
        let options =
            ServerOptions(PingInterval = Nullable(), Compression = PerMessageDeflate(MinSize = 0))

        let pair =
            connectWith (TestClientOptions(Compression = PerMessageDeflate())) options simulation

        pair.Connection.Send "one"
        pair.Client.Receive().Text =! "one"

        let broadcast () =
            Broadcast.Send([ pair.Connection ], "all") |> ignore

        let leave () = (pair.Client.Close()).Number =! 1000
        soon pair (fun () -> together pair leave [ broadcast ])

        haveMemoryEach options simulation

    "compression that is given back as the connection ends",
    fun simulation ->
        let deflate = PerMessageDeflate(MinSize = 0, QuietTime = Nullable(milliseconds 20))
        let options = ServerOptions(PingInterval = Nullable(), Compression = deflate)
        let isIdle = ref true
        let isEnded = ref false

        let handler (connection: ServerConnection) =
            connection.Send "one"
            simulation.WaitUntil(fun () -> not isIdle.Value) |> ignore

            try
                connection.Receive() |> ignore
            with :? ConnectionClosedException ->
                isEnded.Value <- true

        let server = simulation.Serve(Action<ServerConnection> handler, options)

        let client =
            server.Connect(options = TestClientOptions(Compression = PerMessageDeflate()))

        texts client 1 =! [ "one" ]
        client.Ping()
        isIdle.Value <- false
        simulation.Sleep(untilWatcher + milliseconds 19)

        simulation.Interleave(fun () ->
            simulation.Sleep(milliseconds 1)
            client.Dispose()
            simulation.WaitUntil((fun () -> isEnded.Value), milliseconds 100) =! true
            // It is over when time goes on.
            simulation.Sleep(milliseconds 1))

        haveMemoryEach options simulation

    "an asynchronous sender that waits, and a client that reads",
    fun simulation ->
        let sent = ref 0
        let sending = TaskCompletionSource()

        let handler (connection: ServerConnection) : Task =
            task {
                for _ in 1..4 do
                    do! connection.SendAsync(ReadOnlyMemory(Array.zeroCreate<byte> 1_000))
                    sent.Value <- sent.Value + 1

                sending.SetResult()
                let! _ = connection.ReceiveAsync()
                ()
            }

        let server =
            simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler), quiet)

        let client = server.Connect(options = TestClientOptions(BufferSize = 1_500))

        // The watcher sends what is left, a part each time.
        within (milliseconds 100) simulation (fun () ->
            simulation.Interleave(fun () ->
                for _ in 1..4 do
                    client.Receive().Data.Length =! 1_000

                simulation.Wait(sending.Task, milliseconds 500) =! true))

        sent.Value =! 4
        client.Send "done"
        (client.WaitClosed()).Number =! 1000

    "a message that comes, and a call that gives up waiting for it",
    fun simulation ->
        let received = TaskCompletionSource<string>()
        let cancel = new CancellationTokenSource()

        let handler (connection: ServerConnection) : Task =
            task {
                try
                    let! message = connection.ReceiveAsync cancel.Token
                    received.SetResult message.Text
                with :? OperationCanceledException ->
                    let! message = connection.ReceiveAsync()
                    received.SetResult message.Text
            }

        let server =
            simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler), quiet)

        let client = server.Connect()

        within TimeSpan.Zero simulation (fun () ->
            simulation.Interleave(fun () ->
                let giveUp = simulation.Start(fun () -> cancel.Cancel())
                client.Send "one"
                giveUp.Join() =! true
                simulation.Wait(received.Task, milliseconds 500) =! true))

        received.Task.Result =! "one"
        (client.WaitClosed()).Number =! 1000

    "a message handler that blocks, and the connection beside it",
    fun simulation ->
        simulation.Scheduler.UsesLoops <- true

        let received (connection: ServerConnection) (message: Message) =
            if message.Text = "block" then
                simulation.Sleep(milliseconds 100)

            connection.Send message

        // One loop, and a thread that goes on with it.
        let options =
            ServerOptions(PingInterval = Nullable(), Compression = null, MaxMessageThreads = 2)

        let server =
            simulation.Serve(MessageHandler.ForEach(Action<ServerConnection, Message> received), options)

        let blocking, other = server.Connect(), server.Connect()

        let ask (client: TestClient) (text: string) =
            client.Send text
            client.Receive().Text =! text

        let block () =
            within (milliseconds 122) simulation (fun () -> ask blocking "block")
            within (milliseconds 10) simulation (fun () -> ask blocking "on")

        // The loop is passed on after two of the watchdog's looks, every 2 ms.
        let beside () =
            within (milliseconds 10) simulation (fun () -> ask other "one")
            within (milliseconds 10) simulation (fun () -> ask other "two")

        simulation.Interleave(fun () ->
            let thread = simulation.Start block
            beside ()
            thread.Join() =! true)

        for client in [ blocking; other ] do
            (client.Close()).Number =! 1000

    "a message handler whose task ends as its loop goes to sleep",
    fun simulation ->
        simulation.Scheduler.UsesLoops <- true
        let isAsked, answer = ref false, TaskCompletionSource()

        let received (connection: ServerConnection) (message: Message) : Task =
            task {
                if message.Text = "one" then
                    isAsked.Value <- true
                    do! answer.Task

                connection.Send message
            }

        let server =
            simulation.Serve(MessageHandler.ForEach(Func<ServerConnection, Message, Task> received), quiet)

        let client = server.Connect()
        client.Send "one"
        client.Send "two"

        let finish () =
            simulation.WaitUntil(fun () -> isAsked.Value) =! true
            answer.SetResult()

        within TimeSpan.Zero simulation (fun () ->
            simulation.Interleave(fun () ->
                let finishing = simulation.Start finish
                texts client 2 =! [ "one"; "two" ]
                finishing.Join() =! true))

        (client.Close()).Number =! 1000

    "a message handler that returns as its loop is passed on",
    fun simulation ->
        simulation.Scheduler.UsesLoops <- true

        // The watchdog's second look at a turn comes so long after its beginning.
        let received (connection: ServerConnection) (message: Message) =
            simulation.Sleep(milliseconds 4)
            connection.Send message

        let options =
            ServerOptions(PingInterval = Nullable(), Compression = null, MaxMessageThreads = 2)

        let server =
            simulation.Serve(MessageHandler.ForEach(Action<ServerConnection, Message> received), options)

        let client = server.Connect()

        simulation.Interleave(fun () ->
            for text in [ "one"; "two" ] do
                client.Send text
                within (milliseconds 10) simulation (fun () -> client.Receive(milliseconds 10).Text =! text))

        (client.Close()).Number =! 1000

    "a group that is left while it is sent to",
    fun simulation ->
        let pair = connect quiet simulation
        let groups = Groups()
        groups["room"].Add pair.Connection |> ignore
        let send () = groups["room"].Send "all" |> ignore
        let leave () = (pair.Client.Close()).Number =! 1000
        soon pair (fun () -> together pair leave [ send ])
        simulation.WaitUntil((fun () -> groups.Count = 0), milliseconds 100) =! true

    "a request, its response and the end",
    fun simulation ->
        let pair = connect quiet simulation
        let channel = RequestChannel pair.Connection

        let receive () =
            for message in pair.Connection do
                let mutable request: IncomingRequest = null
                channel.TryTake(message, &request) |> ignore

        let answer () =
            pair.Client.Receive().Text =! "?1 how"
            pair.Client.Send "!1 well"
            (pair.Client.Close()).Number =! 1000

        let answered = ref ""

        let ask () =
            answered.Value <- channel.Ask(Message "how", milliseconds 500).Text

        soon pair (fun () -> together pair ask [ receive; answer ])
        answered.Value =! "well"
        channel.Pending =! 0

    "a request, and the end",
    fun simulation ->
        let pair = connect quiet simulation
        let channel = RequestChannel pair.Connection

        let receive () =
            for _ in pair.Connection do
                ()

        let ended = ref false

        let ask () =
            try
                channel.Ask(Message "how", milliseconds 500) |> ignore
            with :? ConnectionClosedException ->
                ended.Value <- true

        soon pair (fun () -> together pair ask [ receive; (fun () -> pair.Client.Close() |> ignore) ])
        ended.Value =! true
        channel.Pending =! 0

    "output that is held back leaves soon",
    fun simulation ->
        let pair = connect quiet simulation
        simulation.Sleep(milliseconds 150)
        pair.Client.Send "one"
        pair.Client.Send "two"

        let answer () =
            pair.Connection.Receive().Text =! "one"
            pair.Connection.Send "first" // held back: there is more
            simulation.Sleep(milliseconds 100)
            pair.Connection.Receive().Text =! "two"

        let receive () =
            within (milliseconds 2) simulation (fun () -> texts pair.Client 1 =! [ "first" ])

        together pair receive [ answer ]
        closesNormally pair

    "a flush and a broadcaster",
    fun simulation ->
        let pair = connect quiet simulation
        pair.Client.Send "one"
        pair.Client.Send "two"

        let answer () =
            pair.Connection.Receive().Text =! "one"
            pair.Connection.Send "first"
            pair.Connection.Flush()
            simulation.Sleep(milliseconds 100)
            pair.Connection.Receive().Text =! "two"

        let receive () =
            List.sort (texts pair.Client 2) =! [ "all"; "first" ]

        let broadcast () =
            Broadcast.Send([ pair.Connection ], "all") |> ignore

        together pair (fun () -> atOnce pair receive) [ answer; broadcast ]
        closesNormally pair

    "a call whose time is up, and a client that pings",
    fun simulation ->
        let pair = connect quiet simulation

        let receive () =
            raises<TimeoutException> <@ pair.Connection.Receive(milliseconds 10) @>
            simulation.Sleep(milliseconds 100)

        let ping () =
            simulation.Sleep(milliseconds 10)
            // Whether anybody has received meanwhile is seen at the watcher's second look.
            within (milliseconds 42) simulation (fun () -> pair.Client.Ping())

        together pair ping [ receive ]
        closesNormally pair

    "the end of a connection, and who asks for its token",
    fun simulation ->
        let pair = connect quiet simulation

        let watch () =
            let token = pair.Connection.Closed

            simulation.WaitUntil((fun () -> token.IsCancellationRequested), milliseconds 100)
            =! true

        soon pair (fun () -> together pair (fun () -> pair.Client.Close() |> ignore) [ watch ])
        ends pair

    "what is told of the end, and another call",
    fun simulation ->
        let pair = connect quiet simulation
        let isTold = ref false
        let isAsked = ref false
        let isDone = ref false

        let tell () =
            isTold.Value <- true
            isDone.Value <- simulation.WaitUntil((fun () -> isAsked.Value), milliseconds 100)

        pair.Connection.Closed.Register tell |> ignore

        let ask () =
            simulation.WaitUntil((fun () -> isTold.Value), milliseconds 100) =! true
            pair.Connection.Closed.IsCancellationRequested =! true
            isAsked.Value <- true

        together pair (fun () -> pair.Client.Close() |> ignore) [ ask ]
        ends pair
        simulation.WaitUntil((fun () -> isDone.Value), milliseconds 100) =! true

    "a ping that isn't answered, and the end",
    fun simulation ->
        let pair = connectWith (TestClientOptions(AnswersPings = false)) quiet simulation

        let ping () =
            ignoringEnd (fun () -> pair.Connection.Ping().Wait(milliseconds 500) =! false)

        soon pair (fun () -> together pair (fun () -> pair.Client.Close() |> ignore) [ ping ])
        ends pair

    "an asynchronous sender that waits, and the end",
    fun simulation ->
        let ended = TaskCompletionSource()

        let handler (connection: ServerConnection) : Task =
            task {
                try
                    let! _ = connection.ReceiveAsync()

                    for _ in 1..4 do
                        do! connection.SendAsync(ReadOnlyMemory(Array.zeroCreate<byte> 1_000))
                with :? ConnectionClosedException ->
                    ended.SetResult()
            }

        let server =
            simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler), quiet)

        let client = server.Connect(options = TestClientOptions(BufferSize = 1_500))

        within (milliseconds 42) simulation (fun () ->
            simulation.Interleave(fun () ->
                client.Send "start"
                simulation.Sleep TimeSpan.Zero
                client.Dispose()
                simulation.Wait(ended.Task, milliseconds 500) =! true))

    "a call that waits for a message, and the end",
    fun simulation ->
        let ended = TaskCompletionSource()
        let received = List<string>()

        let handler (connection: ServerConnection) : Task =
            task {
                try
                    while true do
                        let! message = connection.ReceiveAsync()
                        received.Add message.Text
                with :? ConnectionClosedException ->
                    ended.SetResult()
            }

        let server =
            simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler), quiet)

        let client = server.Connect()

        within (milliseconds 22) simulation (fun () ->
            simulation.Interleave(fun () ->
                client.Send "one"
                (client.Close()).Number =! 1000
                simulation.Wait(ended.Task, milliseconds 500) =! true))

        List.ofSeq received =! [ "one" ]

    "messages that come before they are asked for",
    fun simulation ->
        let start, ended = TaskCompletionSource(), TaskCompletionSource()
        let received = List<string>()

        let handler (connection: ServerConnection) : Task =
            task {
                do! start.Task

                for _ in 1..3 do
                    let! message = connection.ReceiveAsync()
                    received.Add message.Text

                ended.SetResult()
            }

        let server =
            simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler), quiet)

        let client = server.Connect()

        within (milliseconds 22) simulation (fun () ->
            simulation.Interleave(fun () ->
                let starting = simulation.Start(fun () -> start.SetResult())

                for text in [ "one"; "two"; "three" ] do
                    client.Send text

                starting.Join() =! true
                simulation.Wait(ended.Task, milliseconds 500) =! true))

        List.ofSeq received =! [ "one"; "two"; "three" ]
        (client.WaitClosed()).Number =! 1000

    "the end of the last handler, and a shutdown",
    fun simulation ->
        let handler (connection: ServerConnection) =
            for _ in connection do
                ()

            simulation.Sleep(milliseconds 5)

        let server = simulation.Serve(Action<ServerConnection> handler, quiet)
        let client = server.Connect()

        simulation.Interleave(fun () ->
            let leaving = simulation.Start(fun () -> client.WaitClosed().Number =! 1001)
            within (milliseconds 9) simulation (fun () -> server.Server.Shutdown() =! 0)
            leaving.Join() =! true)

    "messages in fragments, in both directions",
    fun simulation ->
        let pair = connect quiet simulation
        // Others may go on between two fragments.
        let parts (first: string) (second: string) =
            seq {
                first
                simulation.Sleep TimeSpan.Zero
                second
            }

        let send () = pair.Connection.Send(parts "c" "d")
        let receive () = pair.Connection.Receive().Text =! "ab"

        let talk () =
            pair.Client.Send(parts "a" "b")
            texts pair.Client 1 =! [ "cd" ]

        atOnce pair (fun () -> together pair talk [ send; receive ])
        closesNormally pair

    "a message in fragments, and a broadcaster",
    fun simulation ->
        let pair = connect quiet simulation
        let send () = pair.Connection.Send [ "a"; "b" ]

        let broadcast () =
            Broadcast.Send([ pair.Connection ], "all") |> ignore

        atOnce pair (fun () ->
            together pair send [ broadcast ]
            pair.Connection.Send "end"
            let received = texts pair.Client 2
            // While it is sent nothing else is: then the broadcast was skipped.
            test <@ received = [ "ab"; "end" ] || List.sort received = [ "ab"; "all" ] @>

            if List.contains "all" received then
                texts pair.Client 1 =! [ "end" ])

        closesNormally pair

    "fragments and the peer's end, as the watcher looks",
    fun simulation ->
        let pinging =
            ServerOptions(PingInterval = Nullable(milliseconds 1), Compression = null)

        let pair = connect pinging simulation
        meetWatcher pair
        pair.Client.Send "one"
        let received = List<string>()

        let receive () =
            for message in pair.Connection do
                received.Add message.Text

        let leave () =
            simulation.Sleep untilWatcher
            pair.Client.Send [ "a"; "b" ]
            (pair.Client.Close()).Number =! 1000

        within (milliseconds 22) simulation (fun () -> together pair leave [ receive ])
        List.ofSeq received =! [ "one"; "ab" ]
        ends pair
        pair.Connection.CloseCode =! Nullable 1000

    "a close, as the watcher looks",
    fun simulation ->
        let pinging =
            ServerOptions(PingInterval = Nullable(milliseconds 1), Compression = null)

        let pair = connect pinging simulation
        meetWatcher pair
        pair.Client.Send "one"

        let close () =
            simulation.Sleep untilWatcherThatReads
            pair.Connection.Close(CloseCode.GoingAway)

        let told = ref 0

        let leave () =
            told.Value <- (pair.Client.WaitClosed()).Number

        within (milliseconds 22) simulation (fun () -> together pair leave [ close ])
        told.Value =! 1001
        ends pair
        pair.Connection.CloseCode =! Nullable 1001

    "two broadcasts to a slow client",
    fun simulation ->
        let pair = connectWith (TestClientOptions(BufferSize = 64)) quiet simulation
        let one, two = String('1', 100), String('2', 40)

        let broadcast (text: string) () =
            Broadcast.Send([ pair.Connection ], text) |> ignore

        let receive () =
            List.sort (texts pair.Client 2) =! [ one; two ]

        // The watcher sends what is left, a part each time.
        within (milliseconds 100) simulation (fun () ->
            together pair receive [ broadcast one; broadcast two ])

        closesNormally pair

    "two broadcasts to a client that reads afterwards",
    fun simulation ->
        let pair = connectWith (TestClientOptions(BufferSize = 64)) quiet simulation
        let one, two = String('1', 100), String('2', 100)

        let broadcast (text: string) () =
            Broadcast.Send([ pair.Connection ], text) |> ignore

        together pair (broadcast one) [ broadcast two ]
        List.sort (texts pair.Client 2) =! [ one; two ]
        closesNormally pair

    "a broadcast that leaves in parts, and the end",
    fun simulation ->
        let options =
            ServerOptions(
                PingInterval = Nullable(),
                Compression = null,
                MaxBufferedBytes = Nullable 2_000_000L
            )

        let pair = connectWith (TestClientOptions(BufferSize = 64)) options simulation

        let broadcast () =
            Broadcast.Send([ pair.Connection ], String('b', 20_000)) |> ignore

        let receive () =
            ignoringEnd (fun () ->
                for _ in pair.Connection do
                    ())

        together pair broadcast [ receive; pair.Client.Dispose ]
        ends pair

        let isGivenBack () = pair.Server.Server.Budget.Used = 0L
        simulation.WaitUntil(isGivenBack, milliseconds 100) =! true

    "a broadcast that leaves in parts, and a client that pings",
    fun simulation ->
        let pair = connectWith (TestClientOptions(BufferSize = 64)) quiet simulation

        let broadcast () =
            Broadcast.Send([ pair.Connection ], String('b', 100)) |> ignore

        let receive () =
            ignoringEnd (fun () -> pair.Connection.Receive() |> ignore)

        let ping () =
            pair.Client.Ping()
            texts pair.Client 1 =! [ String('b', 100) ]
            pair.Client.Send "done"

        // The watcher sends what is left, a part each time.
        within (milliseconds 100) simulation (fun () -> together pair ping [ broadcast; receive ])
        closesNormally pair

    "threads that are used again, and a rest that ends",
    fun simulation ->
        let mine = AsyncLocal<string | null>()
        let found = List<string | null>()
        let left = ref 0

        let handler (connection: ServerConnection) =
            found.Add mine.Value
            mine.Value <- "somebody else's"

            for _ in connection do
                ()

            left.Value <- left.Value + 1

        let server = simulation.Serve(Action<ServerConnection> handler, quiet)

        let come (number: int) =
            (server.Connect().Close()).Number =! 1000
            simulation.WaitUntil(fun () -> left.Value = number) =! true

        come 1
        come 2

        simulation.Interleave(fun () ->
            // As long as a thread waits for work.
            simulation.Sleep(milliseconds 5_000)
            within (milliseconds 22) simulation (fun () -> come 3))

        List.ofSeq found =! [ null; null; null ]
]

/// Three threads and a closing handshake: two preemptions make more schedules than a test run has time for.
let private long =
    set [
        "both sides close"
        "two threads close, one of them sends before"
        "a ping, its pong and a close"
        "a shutdown and a sender"
        "a shutdown and a receiver"
        "a shutdown and a client that connects"
        "a shutdown, and a client that is being answered"
        "a broadcast that leaves in parts, and a client that pings and closes"
        "a request, its response and the end"
        "a request, and the end"
        "a flush and a broadcaster"
        "the end of a connection, and who asks for its token"
        "what is told of the end, and another call"
        "a ping that isn't answered, and the end"
        "the end of the last handler, and a shutdown"
        "messages in fragments, in both directions"
        "fragments and the peer's end, as the watcher looks"
        "a close, as the watcher looks"
        "compression that is given back as the connection ends"
        "two broadcasts to a slow client"
        "a broadcast that leaves in parts, and the end"
        "a broadcast that leaves in parts, and a client that pings"
        "an asynchronous sender that waits, and the end"
        "an asynchronous sender that waits, and a client that reads"
        "threads that are used again, and a rest that ends"
        "a message handler that returns as its loop is passed on"
    ]

let private isFull =
    Environment.GetEnvironmentVariable "FUNCTIONALWS_SCALE" = "full"

/// Loops that are passed on, and come back: what happens at one moment makes ten thousand schedules with one preemption.
let private longest = "a message handler that blocks, and the connection beside it"

/// How many preemptions a scenario is explored with.
let preemptions (name: string) : int =
    if isFull then 2
    elif name = longest then 0
    elif long.Contains name then 1
    else 2

/// What is shared between two calls of the library: a token that is cancelled, tasks.
let private sharing =
    set [
        "a message that comes, and a call that gives up waiting for it"
        "an asynchronous sender that waits, and a client that reads"
        "messages that come before they are asked for"
    ]

/// How long a scenario may take on the simulation's clock.
let private limitOf (name: string) =
    if name = "threads that are used again, and a rest that ends" then
        milliseconds 8_000
    else
        milliseconds 1_000

/// Runs all schedules of a scenario. Ends with the first that fails.
let explore (name: string) (scenario: Simulation -> unit) : ExploredSchedules =
    let schedules = Schedules(preemptions name, sharing.Contains name)

    // Who waits for ever for what the watcher looks after would keep the run for ever.
    let limited (simulation: Simulation) =
        let isOver = ref false

        let watch () =
            simulation.WaitUntil((fun () -> isOver.Value), limitOf name) =! true

        simulation.Start(watch, "limit") |> ignore
        scenario simulation
        isOver.Value <- true

    Simulation.ExploreBy(schedules, limited, 1_000_000, 1)

/// One schedule was asked for, and not all.
let private isOne =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable Schedules.Variable))

let private oversell (simulation: Simulation) =
    let left = ref 1
    let sold = ref 0

    let sell (connection: ServerConnection) =
        connection.Receive() |> ignore
        let seen = left.Value
        connection.Send "thinking"

        if seen > 0 then
            left.Value <- seen - 1
            sold.Value <- sold.Value + 1

    let server = simulation.Serve(Action<ServerConnection> sell, quiet)
    let clients = [ server.Connect(); server.Connect() ]

    simulation.Interleave(fun () ->
        for client in clients do
            client.Send "buy"

        for client in clients do
            client.WaitClosed() |> ignore)

    sold.Value =! 1

/// The failure; null for none.
let private failureOf (run: unit -> unit) =
    try
        run ()
        null
    with :? SimulationFailedException as failed ->
        failed

[<Tests>]
let exploring =
    testSequenced
    <| testList "exploring schedules" [
        testCase
            "finds what two handlers do to each other between two calls, and names the schedule"
            (fun () ->
                let failed =
                    failureOf (fun () -> Simulation.Explore(oversell, preemptions = 1) |> ignore)

                test <@ not (isNull (box failed)) && failed.Schedule <> "" @>
                // The same again, and nothing else.
                let schedule = Schedule.Parse failed.Schedule
                let simulation = new Simulation(1, schedule)
                let again = simulation.RunOnce(Action<Simulation> oversell)
                again.Schedule =! failed.Schedule
                again.Trace =! failed.Trace)

        testCase "tries an order once, and stops at the most schedules" (fun () ->
            let nothing (simulation: Simulation) = simulation.Start ignore |> ignore

            let all = Simulation.Explore nothing
            all.IsComplete =! true
            let two = Simulation.Explore(oversell, 0, 2)
            two =! ExploredSchedules(2, false))

        testCase
            "goes on with any of those that have waited for one moment, which is no preemption"
            (fun () ->
                let orders = HashSet<string>()

                let race (simulation: Simulation) =
                    let order = List<string>()

                    let wait (time: int) =
                        simulation.WaitUntil((fun () -> false), milliseconds time) =! false

                    let sleep () =
                        wait 2
                        order.Add "thread"

                    let thread = simulation.Start sleep
                    wait 1

                    simulation.Interleave(fun () ->
                        wait 1
                        order.Add "test"
                        thread.Join() =! true)

                    orders.Add(String.Join(", ", order)) |> ignore

                Simulation.Explore(race, preemptions = 0) |> ignore
                Set.ofSeq orders =! set [ "test, thread"; "thread, test" ])

        testCase "finds a lock that two threads take in two orders" (fun () ->
            let deadlock (simulation: Simulation) =
                let first, second = Lock(), Lock()

                let take (one: Lock) (other: Lock) () =
                    use _ = Held.take one
                    use _ = Held.take other
                    ()

                let thread = simulation.Start(take first second)
                take second first ()
                thread.Join() |> ignore

            let failed = failureOf (fun () -> Simulation.Explore deadlock |> ignore)
            test <@ failed.Message.Contains "Nothing can go on" @>)

        testCase "goes on beside others of the same process" (fun () ->
            let connects (simulation: Simulation) =
                let pair = connect quiet simulation
                closesNormally pair

            let explorations = [
                for _ in 1..4 ->
                    Task.Run(fun () ->
                        for _ in 1..25 do
                            Simulation.Explore(connects, preemptions = 0) |> ignore)
            ]

            if not (Task.WaitAll(Array.ofList explorations, TimeSpan.FromMinutes 1.0)) then
                failwith "waited in vain for explorations to end")

        testCase "refuses what is no schedule" (fun () ->
            for text in [ "1"; "1:"; ":1"; "1:2:3"; "a:b"; "1:2,1:3"; "-1:2" ] do
                raises<FormatException> <@ Schedule.Parse text @>)

        for name, scenario in scenarios do
            testCase name (fun () -> (explore name scenario).IsComplete =! not isOne)
    ]
