/// What the tests of servers on real sockets have in common.
module FunctionalWs.FSharp.Tests.Talk

open System
open System.Net
open System.Threading
open FunctionalWs
open FunctionalWs.FSharp

let limit = TimeSpan.FromSeconds 30.0

let started (server: Server) : Server =
    server.Start()
    server

let address (server: Server) (path: string) : string =
    $"ws://127.0.0.1:{(server.LocalEndPoint :?> IPEndPoint).Port}{path}"

/// Settings of a client whose every wait is bounded.
let patient = Options.client |> Options.openTimeout (Some limit)

/// Says something on a connection of its own, and gives the answer.
let askAt (server: Server) (path: string) (text: string) : string =
    use client = WebSocket.connectWith patient (address server path)
    client.Send text
    client.Receive(limit).Text

let eventually (condition: unit -> bool) : bool = SpinWait.SpinUntil(condition, limit)
