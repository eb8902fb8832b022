/// The process that is attacked: a server, and somebody who tells of it and does to it what it is told.
module FunctionalWs.Threat.Tests.VictimProgram

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Server.Tests

/// Counts records by level, and writes the errors out.
type Counts() =
    let counts = Array.zeroCreate<int> 7
    member _.Of(level: LogLevel) = Volatile.Read(&counts[int level])

    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled level = level >= LogLevel.Information

        member _.Log(level, _, state, error, format) =
            Interlocked.Increment(&counts[int level]) |> ignore

            if level >= LogLevel.Warning then
                eprintfn $"{format.Invoke(state, error)} {error}"

    interface ILoggerFactory with
        member counts.CreateLogger(_: string) = counts :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

let private span (text: string) : Nullable<TimeSpan> =
    if text = "off" then
        Nullable()
    else
        Nullable(TimeSpan.FromSeconds(float text))

/// `ping=1`, `open=2` and so on; what isn't named is as by default.
let private options (arguments: string list) (log: ILoggerFactory) : ServerOptions =
    let given =
        Map [ for argument in arguments -> argument.Split('=')[0], argument.Split('=')[1] ]

    let value (name: string) (read: string -> 'a) (otherwise: 'a) =
        given.TryFind name |> Option.map read |> Option.defaultValue otherwise

    let usual = ServerOptions()
    let ping = value "ping" span usual.PingInterval

    ServerOptions(
        LoggerFactory = log,
        Backlog = 4_096,
        OpenTimeout = value "open" span usual.OpenTimeout,
        CloseTimeout = value "close" span usual.CloseTimeout,
        PingInterval = ping,
        PingTimeout = value "answer" span ping,
        SendTimeout = value "send" span usual.SendTimeout,
        MaxConnections = value "connections" int usual.MaxConnections,
        Compression = value "compression" (fun _ -> null) usual.Compression,
        Ssl = value "tls" (fun _ -> Tls.ssl ()) null
    )

/// Takes descriptors until none is left but so many.
let private eat (left: int) : IDisposable =
    let eaten = Stack<FileStream>()

    try
        while true do
            eaten.Push(new FileStream("/dev/null", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0))
    with :? IOException ->
        ()

    for _ in 1..left do
        eaten.Pop().Dispose()

    {
        new IDisposable with
            member _.Dispose() =
                for file in eaten do
                    file.Dispose()
    }

/// Gives the thread pool more to do that doesn't end than it has threads for.
let private blockPool () : IDisposable =
    let release = new ManualResetEventSlim(false)

    for _ in 1..2_000 do
        ThreadPool.UnsafeQueueUserWorkItem((fun _ -> release.Wait()), null) |> ignore

    {
        new IDisposable with
            member _.Dispose() = release.Set()
    }

let private broadcast (server: Server) (count: int) (size: int) : string =
    let everyone = server.Connections
    let mutable skipped = 0
    let mutable worst = TimeSpan.Zero

    for number in 1..count do
        let watch = Stopwatch.StartNew()
        let result = Broadcast.Send(everyone, (string number).PadLeft(size, '.'))
        worst <- max worst watch.Elapsed
        skipped <- skipped + result.Skipped.Count
        // Not faster than the good ones read: all of them share the machine.
        SpinWait.SpinUntil(
            (fun () ->
                everyone |> Seq.filter (fun one -> one.BroadcastCost > 0L) |> Seq.length
                <= everyone.Count / 100),
            TimeSpan.FromSeconds 5.0
        )
        |> ignore

    $"skipped={skipped} worst={int worst.TotalMilliseconds}"

/// `buffer=SIZE` bounds what the kernel takes for a peer that doesn't read: what is accepted inherits it.
let private listen (arguments: string list) (handle: ServerConnection -> unit) (options: ServerOptions) =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    for argument in arguments do
        if argument.StartsWith("buffer=", StringComparison.Ordinal) then
            socket.SendBufferSize <- int (argument.Substring "buffer=".Length)

    socket.Bind(IPEndPoint(IPAddress.Loopback, 0))
    Server.Serve(handle, socket, options)

let run (arguments: string list) : int =
    let log = new Counts()
    let mutable running = 0
    let mutable unobserved = 0

    TaskScheduler.UnobservedTaskException.Add(fun _ -> Interlocked.Increment &unobserved |> ignore)

    let handle (connection: ServerConnection) =
        Interlocked.Increment &running |> ignore

        try
            Handlers.handle connection
        finally
            Interlocked.Decrement &running |> ignore

    let server = listen arguments handle (options arguments log)
    server.Start()

    let figures () =
        let heap = GC.GetTotalMemory true
        GC.WaitForPendingFinalizers()

        $"heap={heap} connections={server.Connections.Count} handlers={running} errors={log.Of LogLevel.Error} "
        + $"warnings={log.Of LogLevel.Warning} unobserved={unobserved} native={NativeHeap.InUse} "
        + $"most={server.MaxConnections}"

    let mutable held: IDisposable = null
    printfn $"port={(server.LocalEndPoint :?> IPEndPoint).Port}"

    let rec obey () =
        match Console.ReadLine() with
        | null -> ()
        | line ->
            let words = line.Split ' '

            match words[0] with
            | "eat" -> held <- eat (int words[1])
            | "block" -> held <- blockPool ()
            | "release" -> held.Dispose()
            | _ -> ()

            match words[0] with
            | "handlers" -> printfn $"handlers={Volatile.Read &running} occupied={server.Occupied}"
            | "broadcast" -> printfn $"{broadcast server (int words[1]) (int words[2])}"
            | "shutdown" ->
                let watch = Stopwatch.StartNew()
                let forced = server.Shutdown()
                printfn $"forced={forced} took={watch.ElapsedMilliseconds}"
            | _ -> printfn $"{figures ()}"

            obey ()

    obey ()
    0
