/// Runs one conversation again and again, in a process of its own: each time another operation of a kind fails.
module FunctionalWs.Threat.Tests.FailingProgram

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Logging.Abstractions

exception private Ended of string
exception private BystanderLost

/// What one run of the program tries.
type private Trial = {
    /// What fails: a seam of the library, or a system call by its name.
    Kind: string
    /// The error of a system call; none for other kinds.
    Error: int option
    /// How handlers are called.
    Face: string
    HasTls: bool
    /// Over a Unix socket, whose clients the library accepts by itself.
    IsUnix: bool
    /// How often at most.
    Most: int
}

let private interrupted = 4 // EINTR

let private trial (arguments: string list) =
    let kind = arguments[0].Split ':'

    {
        Kind = kind[0]
        Error = kind |> Array.tryItem 1 |> Option.map int
        Face = arguments[1]
        HasTls = (arguments[2] = "tls")
        IsUnix = (arguments[2] = "unix")
        Most = int arguments[3]
    }

let private soon (what: string) (condition: unit -> bool) =
    if not (SpinWait.SpinUntil(condition, TimeSpan.FromSeconds 10.0)) then
        failwith $"waited in vain until {what}"

let private seconds (count: float) = Nullable(TimeSpan.FromSeconds count)

// ---- What is refused

let private compression (failing: Failing) (kind: string) =
    let filter =
        CompressionFilter(fun _ _ _ ->
            if kind = "hooks" then
                failing.Step()

            true)

    PerMessageDeflate(QuietTime = seconds 0.2, Filter = filter)

let private certificate = lazy (Tls.contextOf Tls.localhost)

let private tls (failing: Failing) (kind: string) =
    if kind = "certificate" then
        Security.SslServerAuthenticationOptions(
            ServerCertificateSelectionCallback =
                (fun _ _ ->
                    failing.Step()
                    Tls.localhost)
        )
    else
        Security.SslServerAuthenticationOptions(ServerCertificateContext = certificate.Value)

/// A class of the application's.
type private Made(start: ConnectionStart) =
    inherit ServerConnection(start)

let private options (failing: Failing) (kind: string) (hasTls: bool) =
    let isHooked = kind = "hooks"
    let step () = failing.Step()

    ServerOptions(
        OpenTimeout = seconds 5.0,
        CloseTimeout = seconds 2.0,
        SendTimeout = seconds 5.0,
        Compression = compression failing kind,
        Ssl = (if hasTls then tls failing kind else null),
        TimeProvider =
            (if kind = "clock" then
                 (FailingClock failing :> TimeProvider)
             else
                 TimeProvider.System),
        LoggerFactory =
            (if kind = "log" then
                 new FailingLog(failing) :> ILoggerFactory
             else
                 NullLoggerFactory.Instance),
        Extensions = (if isHooked then [| FailingExtension failing |] else [||]),
        ProcessRequest =
            (if isHooked then
                 ProcessRequest(fun _ _ ->
                     step ()
                     Unchecked.defaultof<Response>)
             else
                 null),
        ProcessResponse =
            (if isHooked then
                 ProcessResponse(fun _ _ _ ->
                     step ()
                     Unchecked.defaultof<Response>)
             else
                 null),
        CreateConnection =
            (if isHooked then
                 Func<_, _>(fun start ->
                     step ()
                     new Made(start) :> ServerConnection)
             else
                 null)
    )

// ---- Who talks

let private connect (server: Server) (hasTls: bool) : PeerClient =
    let lower = Tls.connectTo server.LocalEndPoint

    if lower.Socket.AddressFamily = AddressFamily.InterNetwork then
        lower.Socket.NoDelay <- true

    if hasTls then
        try
            new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) lower, lower))
        with _ ->
            lower.Dispose()
            raise (Ended "TLS")
    else
        new PeerClient(lower)

/// What a client hears next that is not the end, a whole message at a time.
let rec private hear (client: PeerClient) (before: byte list) : byte[] =
    match client.Read() with
    | Data(_, false, payload) -> hear client (before @ List.ofArray payload)
    | Data(_, true, payload) -> Array.append (Array.ofList before) payload
    | PingOf _ -> hear client before
    | PongOf _ -> hear client before
    | Closed status -> raise (Ended $"{status}")
    | End -> raise (Ended "end")

/// Where a message was altered.
let private difference (said: byte[]) (heard: byte[]) =
    let start (message: byte[]) =
        Encoding.UTF8.GetString(Array.truncate 40 message)

    let same = Seq.zip said heard |> Seq.takeWhile (fun (left, right) -> left = right)

    $"'{start said}' of {said.Length} bytes became '{start heard}' of {heard.Length}, different from {Seq.length same} on"

/// Nothing but what was said, unless the connection ends.
let private expect (client: PeerClient) (said: byte[]) =
    let heard = hear client []

    if heard <> said then
        failwith (difference said heard)

/// Text that nobody else sends.
let private saying (id: string) (what: string) (size: int) =
    Encoding.UTF8.GetBytes(($"{what} {id} ").PadRight(size, 'ä'))

let private talk (between: unit -> unit) (id: string) (client: PeerClient) =
    let echo (opcode: Opcode) (said: byte[]) =
        client.WriteFrame(true, opcode, said)
        expect client said

    client.ShakeHands()
    echo Opcode.Text (saying id "first" 10)
    between ()
    echo Opcode.Text (saying id "encoded second" 1_000)
    echo Opcode.Binary (saying id "large" 60_000)
    echo Opcode.Text (saying id "a|b" 300)
    client.SendPing "p"B
    client.Read() |> ignore

    // Fragments, which come one by one, in each way to receive.
    for number in 0..3 do
        let said = saying id $"part {number}" 9_000
        client.WriteFrame(false, Opcode.Text, said[..2_000])
        client.WriteFrame(false, Opcode.Continuation, said[2_001..2_100])
        client.WriteFrame(true, Opcode.Continuation, said[2_101..])
        expect client said

    // Many at once, whose answers leave together.
    let many = [ for number in 0..9 -> saying id $"many {number}" 3_000 ]

    for said in many do
        client.WriteFrame(true, Opcode.Text, said)

    for said in many do
        expect client said

    let told = saying id "all" 500
    client.WriteFrame(true, Opcode.Text, told)
    expect client told
    client.SendClose 1000

    match client.Read() with
    | Closed status when status.Number = 1000 -> ()
    | other -> raise (Ended $"{other}")

/// The same with compression, and the application's extension where that is known.
let private talkCompressed (between: unit -> unit) (id: string) (client: PeerClient) =
    let agreed = client.Offer "permessage-deflate; client_max_window_bits=12, own"
    use sender = new Compressed.Sender 12
    use receiver = new Compressed.Receiver 15

    let expect (said: byte[]) =
        let mutable whole = []
        let mutable isLast = false

        while not isLast do
            match client.Read() with
            | Data(_, fin, payload) ->
                whole <- whole @ [ payload ]
                isLast <- fin
            | Closed status -> raise (Ended $"{status}")
            | End -> raise (Ended "end")
            | PingOf _
            | PongOf _ -> ()


        let heard =
            match receiver.Pieces whole with
            | Compressed.Message heard -> heard
            | other -> failwith $"no message, but {other}"

        if heard <> said then
            failwith (difference said heard)

    let echo (said: byte[]) =
        client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, sender.Message said)
        expect said

    if agreed.Contains "permessage-deflate" then
        for number in 1..4 do
            echo (saying id $"compressed {number}" (number * 700))

        between ()

        echo (saying id "compressed, large" 40_000)
        echo (saying id "a|b compressed" 300)
        echo (saying id "all" 500)
        echo (saying id "compressed again" 400)
        client.SendClose 1000

// ---- What must hold

let private threadsNamed (start: string) =
    Directory.GetDirectories "/proc/self/task"
    |> Array.filter (fun task ->
        try
            File.ReadAllText(Path.Combine(task, "comm")).StartsWith(start, StringComparison.Ordinal)
        with :? IOException ->
            false)
    |> Array.length

/// Of a kind: sockets, or what epoll is made of.
let private openDescriptors (kind: string) =
    Directory.GetFileSystemEntries "/proc/self/fd"
    |> Array.filter (fun path ->
        try
            match File.ResolveLinkTarget(path, false) with
            | null -> false
            | target -> target.Name.StartsWith(kind, StringComparison.Ordinal)
        with :? IOException ->
            false)
    |> Array.length

let private openSockets () = openDescriptors "socket:"

let private native () =
    // Twice: what was needed since the last time is spared once.
    for _ in 1..2 do
        Deflater.Trim() |> ignore
        Inflater.Trim() |> ignore

    NativeHeap.InUse

/// Serves, and is served, whatever fails elsewhere.
type private Bystander(server: Server, hasTls: bool, failing: Failing) =
    let client = connect server hasTls
    let mutable number = 0

    do
        client.Write(PeerClient.Request.Replace("/chat", "/bystander"))
        client.ReadResponse() |> ignore

    member _.Client = client

    member _.Talk() =
        failing.Sparing(fun () ->
            number <- number + 1
            let said = $"the bystander's {number}"
            client.SendText said

            let heard =
                try
                    Encoding.UTF8.GetString(hear client [])
                with Ended _ ->
                    raise BystanderLost

            if heard <> said then
                failwith $"the bystander heard '{heard}'")

    member _.Leave() = (client :> IDisposable).Dispose()

let private faults: (string -> exn)[] = [|
    fun text -> OutOfMemoryException text
    fun text -> InvalidOperationException text
    fun text -> IOException text
    fun text -> OperationCanceledException text
|]

let private serve (failing: Failing) (trial: Trial) (options: ServerOptions) : Server =
    let handler =
        match trial.Face with
        | "called" -> FailingHandlers.called failing
        | "asked" -> FailingHandlers.asked failing
        | _ -> Action<ServerConnection>(FailingHandlers.blocking failing)

    let server =
        if trial.IsUnix then
            Server.UnixServe(
                handler,
                Path.Combine(Path.GetTempPath(), $"failing-{Environment.ProcessId}"),
                options
            )
        else
            Server.Serve(handler, "127.0.0.1", 0, options)

    server.Start()
    server

let private portOf (client: PeerClient) =
    match client.Transport.LocalEndPoint with
    | :? IPEndPoint as address -> address.Port
    | _ -> 0 // a Unix socket

let private verbose =
    not (isNull (Environment.GetEnvironmentVariable "FAILING_VERBOSE"))

/// A client's part in a run: tells of its port when its connection ends early.
let private mayEnd (ended: List<int>) (client: PeerClient) (work: unit -> unit) : bool =
    try
        work ()
        true
    with
    | Ended _
    | :? SocketException
    | :? IOException as error ->
        if verbose then
            eprintfn $"{portOf client} ended: {error}"

        ended.Add(portOf client)
        false
    | error when
        error.Message.StartsWith("HTTP/1.1 ", StringComparison.Ordinal)
        || error.Message.StartsWith("no response: ", StringComparison.Ordinal)
        ->
        ended.Add(portOf client) // refused
        false

let private tryConnect (server: Server) (hasTls: bool) (ended: List<int>) =
    try
        Some(connect server hasTls)
    with
    | Ended _
    | :? SocketException ->
        ended.Add 0
        None

/// Who has the answer counts as open a moment later, and hears what is said to all from then on; never if its connection failed.
let private awaitOpen (server: Server) (client: PeerClient) =
    let isOpen () =
        server.Connections
        |> Seq.exists (fun connection ->
            match connection.RemoteEndPoint with
            | :? IPEndPoint as address -> address.Port = portOf client
            | _ -> true)

    SpinWait.SpinUntil(isOpen, TimeSpan.FromSeconds 1.0) |> ignore

/// One conversation, before an audience; the ports of those whose connection ended early.
let private converse (server: Server) (hasTls: bool) (talkToBystander: unit -> unit) (n: int) : List<int> =
    let ended = List<int>()

    for which, talk in [ "plain", talk; "compressed", talkCompressed ] do
        talkToBystander ()
        let audience = tryConnect server hasTls ended
        let client = tryConnect server hasTls ended

        match audience, client with
        | Some audience, Some client ->
            let hears = mayEnd ended audience audience.ShakeHands

            if hears then
                awaitOpen server audience

            if
                mayEnd ended client (fun () -> talk talkToBystander $"{which} {n}" client)
                && hears
            then
                mayEnd ended audience (fun () -> expect audience (saying $"{which} {n}" "all" 500))
                |> ignore
        | _ -> ()

        for left in List.choose id [ audience; client ] do
            (left :> IDisposable).Dispose()

        talkToBystander ()

    ended

/// A newcomer is served, and nobody and nothing is left of the others.
let private check (server: Server) (hasTls: bool) (rented: Rented) (sockets: int) =
    use newcomer = connect server hasTls
    newcomer.ShakeHands()
    newcomer.SendText "the newcomer's"
    expect newcomer "the newcomer's"B
    newcomer.SendClose 1000
    (newcomer :> IDisposable).Dispose()
    soon "only the bystander is there" (fun () -> server.Occupied = 1)
    soon "all buffers are returned" (fun () -> rented.Out = 0)
    soon "zlib's memory is returned" (fun () -> native () = 0L)
    soon "all sockets are closed" (fun () -> openSockets () = sockets)

/// Who may have been cut off: the client whose call failed; all but a call on no connection, of which some need no client.
let private checkEnded (trial: Trial) (hit: int) (ended: int seq) =
    let isNobodys =
        hit < 0
        && not (List.contains trial.Kind [ "pthread_create"; "epoll_create1"; "eventfd" ])

    for port in ended do
        if trial.Error = Some interrupted then
            failwith $"port {port} was cut off by an interrupt"

        if not trial.IsUnix && (isNobodys || port > 0 && hit > 0 && port <> hit) then
            failwith $"port {port} was cut off, when a call for {hit} failed"

/// Calls that a server makes once.
let private isOncePerServer (kind: string) =
    List.contains kind [ "epoll_create1"; "eventfd" ]

let mutable private isFirst = true

/// A server in which things fail, and its bystander.
type private Stage(trial: Trial, failing: Failing, system: NativeFaults option, rented: Rented) =
    // The first time the runtime may make one of its own, which has no event beside it.
    let epolls = openDescriptors "anon_inode:[eventpoll]" + (if isFirst then 1 else 0)

    do isFirst <- false
    let server = serve failing trial (options failing trial.Kind trial.HasTls)

    do
        if trial.Kind = "threads" then
            let start = server.StartThread

            server.StartThread <-
                fun run ->
                    failing.Step()
                    start.Invoke run

    let before = openSockets ()

    // What a server makes with its first client is made in the trial then.
    let mutable bystander =
        if isOncePerServer trial.Kind then
            None
        else
            Some(Bystander(server, trial.HasTls, failing))

    do bystander |> Option.iter _.Talk()

    /// The bystander's own call may be the one that fails.
    let talkTo (present: Bystander) =
        try
            present.Talk()
        with BystanderLost ->
            let port = portOf present.Client

            match system with
            | Some system when (system.Hit = port || trial.IsUnix) && trial.Error <> Some interrupted -> ()
            | _ -> failwith "the bystander was cut off"

            failing.Sparing(fun () ->
                present.Leave()
                let other = Bystander(server, trial.HasTls, failing)
                other.Talk()
                bystander <- Some other)

    let talkToBystander () = bystander |> Option.iter talkTo

    /// A conversation in which the n-th operation fails; how many there were.
    member _.Try(n: int, fault: exn) : int =
        match system with
        | Some system -> system.Arm(trial.Kind, n, trial.Error.Value)
        | None -> ()

        failing.Arm(n, fault)
        let ended = converse server trial.HasTls talkToBystander n
        let count = failing.Disarm()

        system |> Option.iter (fun system -> checkEnded trial system.Hit ended)

        if bystander.IsNone then
            bystander <- Some(Bystander(server, trial.HasTls, failing))

        talkToBystander ()
        check server trial.HasTls rented (before + 2)
        count

    /// The server ends in time, and with it all of its threads, which were there until then.
    member _.End() =
        if threadsNamed "FunctionalWs ac" <> 1 || threadsNamed "FunctionalWs wa" < 1 then
            failwith "a thread of the server has ended"

        bystander |> Option.iter _.Leave()
        let forced = server.Shutdown(timeout = TimeSpan.FromSeconds 2.0)

        if forced > 0 then
            failwith $"{forced} were cut by the shutdown"

        soon "all threads have ended" (fun () -> threadsNamed "FunctionalWs " = 0)

        soon "all of epoll is closed" (fun () ->
            openDescriptors "anon_inode:[eventfd]" = 0
            && openDescriptors "anon_inode:[eventpoll]" <= epolls)

let private installSeam (kind: string) (failing: Failing) =
    match kind with
    | "arrays" ->
        MessageArrays.Asked <-
            fun size ->
                if size > 64 then
                    failing.Step()
    | "zlib" -> ZLib.IsRefused <- fun () -> failing.IsNext()
    | "metrics" -> FailingListeners.measure failing |> ignore
    | "traces" -> FailingListeners.trace failing |> ignore
    | _ -> ()

/// Lets each operation fail in turn, or some of them with a fixed stride; tells what it found.
let run (arguments: string list) : int =
    let trial = trial arguments
    let mutable unobserved = 0
    TaskScheduler.UnobservedTaskException.Add(fun _ -> Interlocked.Increment &unobserved |> ignore)

    let system =
        trial.Error
        |> Option.map (fun _ -> NativeFaults(Environment.GetEnvironmentVariable "LD_PRELOAD"))

    let failing = Failing(system, IsOfHandlers = (trial.Kind = "hooks"))

    let rented =
        CountedPool.Install(
            (fun () ->
                if trial.Kind = "buffers" then
                    failing.Step()),
            isTraced = true
        )

    ZLib.IsAvailable |> ignore
    installSeam trial.Kind failing
    let mutable found = 0

    let guarded (what: string) (otherwise: 'a) (work: unit -> 'a) : 'a =
        try
            work ()
        with error ->
            found <- found + 1
            printfn $"FOUND {what}: {error}"

            for place in rented.Places do
                printfn $"rented: {place}"

            failing.Disarm() |> ignore
            otherwise

    let mutable stage = Stage(trial, failing, system, rented)

    let tryOne (n: int) =
        let fault = faults[n % faults.Length] $"fault {n}"
        let count = guarded $"{n} {fault.GetType().Name}" 0 (fun () -> stage.Try(n, fault))

        if isOncePerServer trial.Kind then
            guarded "at the end" () stage.End
            stage <- Stage(trial, failing, system, rented)

        count

    // None fails the first time, which also makes what is made once.
    let total = max (tryOne Int32.MaxValue) (tryOne Int32.MaxValue)
    let stride = max 1 ((total + trial.Most - 1) / trial.Most)
    let chosen = [ 1..stride..total ]

    for n in chosen do
        if found < 5 then
            tryOne n |> ignore

    guarded "at the end" () stage.End
    GC.Collect()
    GC.WaitForPendingFinalizers()

    if unobserved > 0 then
        printfn $"FOUND {unobserved} exceptions of tasks that nobody observed"

    printfn $"tried {chosen.Length} of {total}"
    0
