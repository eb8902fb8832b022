/// Servers for tests.
module FunctionalWs.Server.Tests.Serve

open System
open System.Threading.Tasks
open FunctionalWs

let echo (connection: ServerConnection) =
    for message in connection do
        connection.Send message

let private started (server: Server) =
    server.Start()
    server

/// A server without an address, on a clock that stands still.
let inMemory (handler: ServerConnection -> unit) (options: ServerOptions) : Server =
    Server.ServeInMemory(Action<ServerConnection> handler, options)

/// A server on a free port, with the real clock.
let overTcp (handler: ServerConnection -> unit) (options: ServerOptions) : Server =
    Server.Serve(Action<ServerConnection> handler, "127.0.0.1", 0, options)
    |> started

/// A client has the answer before its connection counts as open: until then a clock that jumps would cut it. Those of others may be
/// in the midst of their handshakes.
let awaitOpen (server: Server) (others: ServerConnection[]) =
    Wait.until "the handshake is over" (fun () ->
        server.Everybody
        |> Seq.except others
        |> Seq.forall (fun connection -> connection.State <> ConnectionState.Connecting))

/// A client of a server without an address, past its opening handshake.
let client (server: Server) : PeerClient =
    let others = server.Everybody
    let client = PeerClient.InMemory server
    client.ShakeHands()
    awaitOpen server others
    client

let defaults = ServerOptions()

let withClock (clock: FakeClock) = ServerOptions(TimeProvider = clock)

/// Runs a handler on a connection and gives what it returned or threw.
let handling (handler: ServerConnection -> 'a) (options: ServerOptions) =
    let outcome = TaskCompletionSource<Result<'a, exn>>()

    let server =
        options
        |> inMemory (fun connection ->
            try
                outcome.SetResult(Ok(handler connection))
            with error ->
                outcome.SetResult(Error error)
                reraise ())

    server, outcome.Task

let fails (work: Task<Result<'a, exn>>) : exn =
    match Wait.forTask "the handler to fail" work with
    | Ok value -> failwith $"the handler returned {value}"
    | Error error -> error

let succeeds (work: Task<Result<'a, exn>>) : 'a =
    match Wait.forTask "the handler to return" work with
    | Ok value -> value
    | Error error -> failwith $"the handler threw {error}"

/// Lets a handler go on and tells it of nothing; what it is given is the connection of the first client.
let connected (options: ServerOptions) : Server * PeerClient * ServerConnection * IDisposable =
    let found = TaskCompletionSource<ServerConnection>()
    let leave = new Threading.ManualResetEventSlim(false)

    let server =
        options
        |> inMemory (fun connection ->
            found.SetResult connection
            Wait.forEvent "leave to go" leave)

    let client = client server

    let release = {
        new IDisposable with
            member _.Dispose() =
                leave.Set()
                (client :> IDisposable).Dispose()
                server.Dispose()
    }

    server, client, Wait.forTask "the handler" found.Task, release

/// Lets a clock run until the server has written something to a client.
let runUntilWritten (clock: FakeClock) (client: PeerClient) =
    Wait.until "the server writes" (fun () ->
        clock.Advance(TimeSpan.FromSeconds 1.0)
        client.Transport.IsReadable)
