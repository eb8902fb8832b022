module FunctionalWs.Server.Tests.SoakTests

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private connections = 64
let private senders = 3
let private messages = 200

/// How a connection ends.
type private Ending =
    /// When everything has arrived, by the client.
    | Done
    /// At some time, by the server.
    | ServerCloses of int
    /// At some time, by the client.
    | ClientCloses of int
    /// At some time, without a word.
    | ClientVanishes of int

/// Checks that each sender's messages come in order, none twice and none left out.
type private Order() =
    let next = Array.zeroCreate<int> senders

    member _.Take(text: string) =
        let parts = text.Split ':'
        let sender, number = int parts[0], int parts[1]

        if number <> next[sender] then
            failwith $"sender {sender}: {number} came, not {next[sender]}"

        next[sender] <- number + 1

    member _.IsComplete = next |> Array.forall ((=) messages)
    member _.Count = Array.sum next

let private message (sender: int) (number: int) =
    $"{sender}:{number}:" + String('x', (sender * 7919 + number * 104_729) % 700)

let private ignoringTheEnd (work: unit -> unit) =
    try
        work ()
    with :? IO.IOException ->
        ()

/// The server's side: several senders, pings, and the handler receives.
let private handle (order: Order) (ending: Ending) (connection: ServerConnection) =
    let sending = [
        for sender in 0 .. senders - 1 ->
            Wait.start (fun () ->
                ignoringTheEnd (fun () ->
                    for number in 0 .. messages - 1 do
                        connection.Send(message sender number)))
    ]

    let pinging =
        Wait.start (fun () ->
            ignoringTheEnd (fun () ->
                for _ in 1..20 do
                    connection.Ping().Wait() |> ignore))

    let closing =
        Wait.start (fun () ->
            match ending with
            | ServerCloses after ->
                Wait.until "the time to close" (fun () ->
                    order.Count >= after || connection.Closed.IsCancellationRequested)

                connection.Close(CloseCode.Create 4000, "enough")
            | Done
            | ClientCloses _
            | ClientVanishes _ -> ())

    ignoringTheEnd (fun () ->
        for message in connection do
            order.Take message.Text)

    for work in pinging :: closing :: sending do
        Wait.forTask "a thread of the handler" work

/// The client's side: several senders, and one who reads and answers.
let private converse (client: PeerClient) (ending: Ending) =
    let order = Order()
    let writing = new Lock()
    let sent = ref 0

    let write (action: unit -> unit) =
        lock writing (fun () -> ignoringTheEnd action)

    let sending = [
        for sender in 0 .. senders - 1 ->
            Wait.start (fun () ->
                for number in 0 .. messages - 1 do
                    write (fun () -> client.SendText(message sender number))

                    match ending, Interlocked.Increment sent with
                    | ClientCloses after, count when count = after -> write (fun () -> client.SendClose 1000)
                    | ClientVanishes after, count when count = after -> client.Transport.Abort()
                    | _ -> ())
    ]

    let rec read () =
        match client.Read() with
        | Data(Opcode.Text, true, payload) ->
            order.Take(Text.Encoding.UTF8.GetString payload)

            if ending = Done && order.IsComplete then
                for work in sending do
                    Wait.forTask "a sender" work

                write (fun () -> client.SendClose 1000)

            read ()
        | PingOf payload ->
            write (fun () -> client.WriteFrame(true, Opcode.Pong, payload))
            read ()
        | Closed _ ->
            write (fun () -> client.SendClose 1000)
            read ()
        | End -> ()
        | other -> failwith $"{other}"

    read ()
    client.Transport.Abort()

    for work in sending do
        Wait.forTask "a sender" work

    order

let private endings (seed: int) = [
    let random = Random seed

    for _ in 1..connections do
        match random.Next 6 with
        | 0 -> ServerCloses(random.Next(1, 500))
        | 1 -> ClientCloses(random.Next(1, 500))
        | 2 -> ClientVanishes(random.Next(1, 500))
        | _ -> Done
]

/// The sockets that this process holds: a runtime that loads an assembly opens other handles.
let private openSockets () =
    IO.Directory.GetFileSystemEntries "/proc/self/fd"
    |> Array.filter (fun path ->
        try
            match IO.File.ResolveLinkTarget(path, false) with
            | null -> false
            | target -> target.Name.StartsWith("socket:", StringComparison.Ordinal)
        with :? IO.IOException ->
            false) // it was that of the listing itself
    |> Array.length

[<Tests>]
let soak =
    testSequenced (
        testList "many connections, all of them busy" [
            testTheory "lose, double and reorder nothing, and leave nothing behind" [ 1; 2 ] (fun seed ->
                Wait.until "the servers of other tests are gone" (fun () ->
                    LoopbackTests.threadsNamed "FunctionalWs " = 0)

                let before = openSockets ()
                let records = new Records()
                let endings = endings seed
                let atServer = [| for _ in endings -> Order() |]

                let server =
                    ServerOptions(LoggerFactory = records, MaxQueue = Nullable 4)
                    |> Serve.overTcp (fun connection ->
                        let which = int (connection.Request.Target.TrimStart '/')
                        handle atServer[which] endings[which] connection)

                let conversations = [
                    for which, ending in List.indexed endings ->
                        Wait.start (fun () ->
                            use client = PeerClient.OverTcp server
                            client.Write(PeerClient.Request.Replace("/chat", $"/{which}"))
                            client.ReadResponse() |> ignore
                            converse client ending)
                ]

                let atClient = [
                    for conversation in conversations -> Wait.forTask "a conversation" conversation
                ]

                // A client may have seen the end before the handler has received all of what was read ahead.
                server.Shutdown() =! 0

                for which, (ending, atClient) in List.indexed (List.zip endings atClient) do
                    if ending = Done then
                        (atClient.Count, atServer[which].Count)
                        =! (senders * messages, senders * messages)

                let errors = records.Of LogLevel.Error @ records.Of LogLevel.Warning
                errors =! []
                Wait.until "all threads are gone" (fun () -> LoopbackTests.threadsNamed "FunctionalWs " = 0)
                Wait.until "all sockets are given back" (fun () -> openSockets () <= before))
        ]
    )
