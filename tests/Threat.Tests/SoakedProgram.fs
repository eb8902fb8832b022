/// The process that a long run measures: servers of both faces, plain and with TLS, and two that are started anew again and again.
module FunctionalWs.Threat.Tests.SoakedProgram

open System
open System.Net
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Server.Tests

let private seconds (count: float) = Nullable(TimeSpan.FromSeconds count)

let private options (log: VictimProgram.Counts) (hasTls: bool) =
    ServerOptions(
        LoggerFactory = log,
        OpenTimeout = seconds 5.0,
        CloseTimeout = seconds 5.0,
        SendTimeout = seconds 5.0,
        Compression = PerMessageDeflate(QuietTime = seconds 1.0),
        Ssl = (if hasTls then Tls.ssl () else null)
    )

let private isAt (path: string) (connection: ServerConnection) =
    connection.Request.Target.StartsWith(path, StringComparison.Ordinal)

let private poured = Array.zeroCreate<byte> 65_536

/// What a message is answered with: itself, the same to all in the room, or more than the client reads.
let private answer (server: unit -> Server) (connection: ServerConnection) (message: Message) =
    if connection |> isAt "/room" then
        let room = server().Connections |> Seq.filter (isAt "/room")
        Broadcast.Send(room, message.Text) |> ignore
    elif connection |> isAt "/pour" then
        for _ in 1..100 do
            connection.Send poured
    else
        connection.Send message

/// A server of connections' handlers, or of handlers for messages.
let private start (log: VictimProgram.Counts) (isForMessages: bool) (hasTls: bool) : Server =
    let mutable started: Server = null
    let answer = answer (fun () -> started)

    let handler =
        if isForMessages then
            MessageHandler.ForEach(Action<ServerConnection, Message> answer)
        else
            Action<ServerConnection>(fun connection ->
                for message in connection do
                    answer connection message)

    started <- Server.Serve(handler, "127.0.0.1", 0, options log hasTls)
    started.Start()
    started

let private port (server: Server) =
    (server.LocalEndPoint :?> IPEndPoint).Port

let run () : int =
    let rented = CountedPool.Install ignore
    let log = new VictimProgram.Counts()
    let mutable unobserved = 0
    TaskScheduler.UnobservedTaskException.Add(fun _ -> Interlocked.Increment &unobserved |> ignore)

    let lasting = [
        for hasTls in [ false; true ] do
            for isForMessages in [ false; true ] do
                start log isForMessages hasTls
    ]

    let startPair () = [ start log false false; start log true true ]
    let mutable passing = startPair ()

    let ports () =
        lasting @ passing |> List.map (port >> string) |> String.concat " "

    let restart () =
        for server in passing do
            server.Shutdown(timeout = TimeSpan.FromSeconds 2.0) |> ignore
            server.Dispose()

        passing <- startPair ()
        // Threads have ended: what the runtime keeps for each that has used its pool is a table that grows until somebody collects.
        GC.Collect()

    let figures () =
        IdleMemory.Trim()

        // What finalizers let go of is collected by the next one.
        for _ in 1..3 do
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking = true, compacting = true)
            GC.WaitForPendingFinalizers()

        let connections = lasting |> Seq.sumBy _.Connections.Count

        let last = GC.GetGCMemoryInfo GCKind.FullBlocking
        $"{last.HeapSizeBytes - last.FragmentedBytes} {NativeHeap.InUse} {rented.Out} {connections} {log.Of LogLevel.Error} {unobserved}"

    printfn $"{ports ()}"

    let rec obey () =
        match Console.ReadLine() with
        | null -> ()
        | "restart" ->
            restart ()
            printfn $"{ports ()}"
            obey ()
        | _ ->
            printfn $"{figures ()}"
            obey ()

    obey ()
    0
