/// Runs of the simulation: seeds, failures, threads, time.
module FunctionalWs.Simulation.Tests.RunTests

open System
open System.Collections.Generic
open System.IO
open System.Text.RegularExpressions
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing

let private seconds (count: float) = TimeSpan.FromSeconds count

/// Counts messages.
type private Counting() =
    inherit MessageHandler()
    let mutable count = 0

    override _.Received(connection, message) =
        count <- count + 1
        connection.Send $"{count}: {message.Text}"

let private echo =
    Action<ServerConnection>(fun connection ->
        for message in connection do
            connection.Send message)

let private failure (test: Simulation -> unit) : SimulationFailedException =
    try
        Simulation.Run(test, seeds = 50)
        failwith "no seed failed"
    with :? SimulationFailedException as error ->
        error

/// Fails with those seeds under which the later client is served first.
let private race (simulation: Simulation) =
    let order = List<int>()

    let handler (connection: ServerConnection) =
        order.Add(int (connection.Receive().Text))

    let server = simulation.Serve handler

    let connect (number: int) () =
        use client = server.Connect()
        client.Send(string number)
        client.WaitClosed() |> ignore

    let threads = [ for number in 1..2 -> simulation.Start(connect number, $"client {number}") ]

    for thread in threads do
        thread.Join() =! true

    if order[0] = 2 then
        failwith "the second was first"

[<Tests>]
let failures =
    testList "a failing simulation" [
        testCase "names its seed, and the seed fails again in the same way" (fun () ->
            let first = failure race
            test <@ first.Message.Contains $"FUNCTIONALWS_SEEDS={first.Seed}" @>
            test <@ first.Message.Contains "the second was first" && first.Trace <> "" @>

            let again =
                try
                    Simulation.Run(race, 1, first.Seed)
                    ""
                with :? SimulationFailedException as error ->
                    error.Trace

            again =! first.Trace)

        testCase "is one whose threads wait for each other" (fun () ->
            let error =
                failure (fun simulation -> simulation.WaitUntil(fun () -> false) |> ignore)

            test <@ error.InnerException.Message.Contains "Nothing can go on" @>)

        testCase "is one of whose threads is busy for ever" (fun () ->
            let error =
                failure (fun simulation ->
                    while true do
                        simulation.WaitUntil(fun () -> true) |> ignore)

            test <@ error.InnerException.Message.Contains "busy for ever" @>)

        testCase "is one of whose threads throws" (fun () ->
            let error =
                failure (fun simulation ->
                    simulation.Start(fun () -> invalidOp "a bug") |> ignore
                    simulation.Sleep(seconds 1.0))

            error.InnerException.Message =! "a bug")

        testCase "is one whose server is used by a thread of .NET's" (fun () ->
            let error =
                failure (fun simulation ->
                    let server = simulation.Serve echo
                    let task = Task.Run(fun () -> server.Connect() |> ignore)
                    task.GetAwaiter().GetResult())

            test <@ error.InnerException :? InvalidOperationException @>)
    ]

let private line = Regex(@"^ *\d+\.\d{3} ms  \S")

[<Tests>]
let traces =
    let ascii (text: string) = Text.Encoding.ASCII.GetBytes text

    /// The words of a stream that comes in these pieces.
    let words (pieces: byte[] list) =
        let frames = CarriedFrames()
        [ for piece in pieces -> frames.Take(ReadOnlySpan piece) ]

    let request = ascii "GET /chat HTTP/1.1\r\nHost: h\r\n\r\n"
    let hello = Convert.FromHexString "818537FA213D7F9F4D5158"

    testList "the trace of a simulation" [
        testCase "tells frames in words, and each time in milliseconds" (fun () ->
            let mutable trace = ""

            let converse (simulation: Simulation) =
                let server = simulation.Serve echo

                let network =
                    NetworkConditions(
                        MaxDelay = seconds 3.0,
                        Faults = [| Fault.Stall(StreamDirection.ToClient, 400L, seconds 2.0) |]
                    )

                let client = server.Connect(options = TestClientOptions(Network = network))
                client.Send "hello"
                client.Receive().Text =! "hello"
                client.Send(String('x', 300))
                client.Receive() |> ignore
                trace <- simulation.Scheduler.Trace.Tail 10_000

            Simulation.Run(converse, seeds = 1)
            let lines = trace.TrimEnd('\n').Split '\n'

            for told in lines do
                test <@ line.IsMatch told @>

            let has (text: string) =
                Array.exists (fun (told: string) -> told.Contains text) lines

            test <@ has "to server 1  carries what arrives at " && has " ms: GET / HTTP/1.1" @>
            test <@ has " ms: HTTP/1.1 101 Switching Protocols" @>

            let matches (pattern: string) =
                Array.exists (fun (told: string) -> Regex.IsMatch(told, pattern)) lines

            test
                <@
                    matches " ms: Text, 5 bytes, masked with [0-9A-F]{8}: 'hello'"
                    && has " ms: Text, 5 bytes: 'hello'"
                @>

            test <@ matches " ms: Text, 300 bytes, masked with [0-9A-F]{8}" @>
            test <@ has "Stall ToClient after 400 bytes for 2000.000 ms" @>)

        testCase "tells a stream as it is cut" (fun () ->
            words [ Array.append request hello ]
            =! [ "GET /chat HTTP/1.1; Text, 5 bytes, masked with 37FA213D: 'Hello'" ]

            words [
                request[..9]
                request[10..]
                hello[..4]
                hello[5..7]
                hello[8..9]
                hello[10..]
            ]
            =! [
                "a part of a head"
                "GET /chat HTTP/1.1"
                "a part of a header"
                "the beginning of Text, 5 bytes, masked with 37FA213D"
                "a part of Text, 5 bytes, masked with 37FA213D"
                "the end of Text, 5 bytes, masked with 37FA213D"
            ])

        testCase "tells other payloads, and what is marked by an extension, in hexadecimal" (fun () ->
            let answer = ascii "HTTP/1.1 101 Switching Protocols\r\n\r\n"

            words [
                answer
                [| 0x8Auy; 1uy; 0xFFuy; 0x88uy; 2uy; 3uy; 0xE8uy; 0xC1uy; 1uy; 0x41uy |]
            ]
            =! [
                "HTTP/1.1 101 Switching Protocols"
                "Pong, 1 byte: FF; Close, 2 bytes: 03E8; Text, 1 byte, Rsv1: 41"
            ])

        testCase "shows what is no frame as it is" (fun () ->
            words [ [| 23uy; 3uy; 3uy |]; [| 1uy |] ] =! [ "170303"; "01" ]

            words [ ascii "HTTP/1.1 404 Not Found\r\n\r\nno" ]
            =! [ "HTTP/1.1 404 Not Found; 6E6F" ]

            words [ request; [| 0x83uy; 0x80uy |]; Array.zeroCreate 40 ]
            =! [
                "GET /chat HTTP/1.1"
                "malformed: invalid opcode 0x3; 8380"
                String('0', 64) + "…"
            ]

            words [ Array.append (ascii "GET ") (Array.create 70_000 65uy) ]
            =! [ "47455420" + String.replicate 28 "41" + "…" ])
    ]

[<Tests>]
let runs =
    testList "a simulation" [
        testCase "takes message handlers that are made for each connection" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let server =
                        simulation.Serve(Func<ServerConnection, MessageHandler>(fun _ -> Counting()))

                    for _ in 1..2 do
                        let client = server.Connect()

                        for number in 1..2 do
                            client.Send "a"
                            client.Receive().Text =! $"{number}: a"),
                20
            ))

        testCase "lets an hour pass in no time, timers included" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let start = simulation.Clock.GetUtcNow()
                    let mutable ticks = 0

                    use _ =
                        simulation.Clock.CreateTimer(
                            (fun _ -> ticks <- ticks + 1),
                            null,
                            seconds 60.0,
                            seconds 60.0
                        )

                    simulation.Sleep(TimeSpan.FromHours 1.0)
                    let passed = simulation.Clock.GetUtcNow() - start
                    test <@ passed >= TimeSpan.FromHours 1.0 && ticks = 60 @>),
                seeds = 3
            ))

        testCase "gives the same random numbers for the same seed, others for another" (fun () ->
            let numbers = List<int>()

            for seed in [ 1; 1; 2 ] do
                Simulation.Run((fun simulation -> numbers.Add(simulation.Random.Next())), 1, seed)

            numbers[0] =! numbers[1]
            test <@ numbers[0] <> numbers[2] @>)

        testCase "runs each seed once, in order" (fun () ->
            let seeds = List<int>()
            Simulation.Run((fun simulation -> seeds.Add simulation.Seed), 3, 10)
            List.ofSeq seeds =! [ 10; 11; 12 ])

        testCase "waits for a condition no longer than it is told" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let thread = simulation.Start((fun () -> simulation.Sleep(seconds 5.0)), "sleeper")
                    thread.Name =! "sleeper"
                    thread.Join(seconds 1.0) =! false
                    simulation.WaitUntil((fun () -> false), seconds 1.0) =! false
                    simulation.WaitUntil(fun () -> thread.HasEnded) =! true),
                seeds = 3
            ))

        testCase "runs routers and clients that wait for handlers" (fun () ->
            let greet (connection: ServerConnection) (name: string) =
                connection.Send("Hello, " + name)
                connection.Receive() |> ignore

            let map = UrlMap [| Rule.For<string>("/hello/{name}", greet) |]

            Simulation.Run(
                (fun simulation ->
                    let server = simulation.Route map
                    let client = server.Connect "/hello/alice"
                    client.Receive().Text =! "Hello, alice"
                    client.WaitUntilReceiving()
                    client.Close() |> ignore

                    let other = simulation.Route(Router map)
                    let page = other.Get "/else"
                    page.StatusCode =! 404),
                seeds = 20
            ))

        testCase "has clients that answer nothing while nothing is called on them" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let answered = List<bool>()

                    let handler (connection: ServerConnection) =
                        let ping = connection.Ping()
                        simulation.Sleep(seconds 3_600.0)
                        answered.Add ping.IsAnswered
                        connection.Send "now"
                        answered.Add(ping.Wait(seconds 60.0))

                    let options = ServerOptions(PingInterval = Nullable())
                    let server = simulation.Serve(Action<ServerConnection> handler, options)
                    let client = server.Connect()
                    simulation.WaitUntil(fun () -> answered.Count = 1) |> ignore
                    client.Receive().Text =! "now"
                    client.WaitClosed().Number =! 1000
                    List.ofSeq answered =! [ false; true ]),
                seeds = 20
            ))

        testCase "shuts a server down while a handler doesn't return in time" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let handler (_: ServerConnection) = simulation.Sleep(seconds 30.0)
                    let server = simulation.Serve handler
                    use client = server.Connect()
                    let forced = server.Server.Shutdown(timeout = seconds 1.0)
                    forced =! 1
                    raises<InvalidOperationException> <@ server.Connect() @>),
                seeds = 20
            ))

        testCase "refuses numbers out of their ranges" (fun () ->
            let run seeds first = Simulation.Run(ignore, seeds, first)

            raises<ArgumentOutOfRangeException> <@ run 0 1 @>
            raises<ArgumentOutOfRangeException> <@ run 1 -1 @>
            raises<ArgumentOutOfRangeException> <@ run 2 Int32.MaxValue @>)

        testCase "takes seeds from the environment as a number or a range" (fun () ->
            Seeds.Parse "17" =! struct (17, 17)
            Seeds.Parse "1-100000" =! struct (1, 100_000)

            for text in [ "a"; "2-1"; "-1"; "1-2-3"; "1-" ] do
                raises<FormatException> <@ Seeds.Parse text @>)
    ]
