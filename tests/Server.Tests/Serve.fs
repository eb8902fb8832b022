/// Servers for tests.
module FunctionalWs.Server.Tests.Serve

open System
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

/// A client of a server without an address, past its opening handshake.
let client (server: Server) : PeerClient =
    let client = PeerClient.InMemory server
    client.ShakeHands()
    client
