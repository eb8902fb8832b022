namespace FunctionalWs.Conformance

open System
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open FunctionalWs

/// What the caller of our client is told.
type Outcome =
    /// `Connect` threw.
    | NotOpened of exn
    /// The connection opened; what its loop over the messages threw, or null when it just ended.
    | Ended of ClientConnection * exn
    /// Nothing, as long as one waits.
    | Untold

/// Whoever calls `Client.Connect`: on a thread of its own, to a port of its own, and sends every message back.
[<Sealed>]
type Caller(timeout: TimeSpan) =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    do listener.Start()
    let cancellation = new CancellationTokenSource()
    let mutable work: Task<Outcome> = null

    let address = Uri $"ws://127.0.0.1:{(listener.LocalEndpoint :?> IPEndPoint).Port}/"

    /// Compression is what the cases about it ask for.
    let mutable options = ClientOptions(Proxy = null)

    let echo (connection: ClientConnection) =
        for message in connection.Messages do
            connection.Send(message.Data.Span, message.Kind, Nullable())

    /// Until the connection ends, if it has not.
    let listen (connection: ClientConnection) =
        for _ in connection.Messages do
            ()

    let mutable act = echo

    let call () =
        try
            let connection = Client.Connect(address, options, cancellation.Token)

            try
                use _ = cancellation.Token.Register(fun () -> connection.Dispose())
                act connection
                listen connection
                Ended(connection, null)
            with error ->
                Ended(connection, error)
        with error ->
            NotOpened error

    /// Whom it calls.
    member _.Address = address
    member _.Timeout = timeout

    /// Settings of its connection.
    member _.Options
        with get () = options
        and set value = options <- value

    /// True when a case has looked at what it was told.
    member val IsJudged = false with get, set

    /// What it does with its connection before it reads to the end; sends every message back by default.
    member _.Act
        with get () = act
        and set value = act <- value

    /// A connection of the client, which calls now unless it has.
    member _.Accept() : Socket =
        if isNull work then
            work <- Task.Factory.StartNew(call, TaskCreationOptions.LongRunning)

        if not (listener.Server.Poll(timeout, SelectMode.SelectRead)) then
            Verdict.failed "the client did not connect"

        listener.AcceptSocket()

    /// True when nobody else has connected.
    member _.IsAlone = not (listener.Pending())

    /// What it was told in the end.
    member _.Outcome: Outcome =
        if isNull work || not (work.Wait timeout) then
            Untold
        else
            work.Result

    interface IDisposable with
        member _.Dispose() =
            cancellation.Cancel()
            listener.Stop()

            if not (isNull work) && work.Wait timeout then
                match work.Result with
                | Ended(connection, _) -> connection.Dispose()
                | _ -> ()
