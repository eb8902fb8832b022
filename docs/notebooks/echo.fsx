(**
---
title: An echo server in ten lines
category: Notebooks
categoryindex: 5
index: 1
---
*)
(**
# An echo server in ten lines

This page is a program: take it as a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi`, or as a
[notebook]({{root}}{{fsdocs-source-basename}}.ipynb). What it prints stands below each step.
*)
(*** condition: prepare ***)
#r "../../src/Server.FSharp/bin/Release/net10.0/Microsoft.Extensions.Logging.Abstractions.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.Protocol.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.Server.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.FSharp.dll"
(*** condition: fsx ***)
#if FSX
#r "nuget: FunctionalWs.FSharp, {{fsdocs-package-version}}"
#endif // FSX
(*** condition: ipynb ***)
#if IPYNB
#r "nuget: FunctionalWs.FSharp, {{fsdocs-package-version}}"
#endif // IPYNB

(**
## The server

A handler is a function. It gets a connection, runs on a thread of its own, and may block: the loop waits for the next
message, `Send` waits while the client doesn't read. `Text` and `Binary` tell what came. When the client closes, the loop
ends, the handler returns, and the connection is closed on this side too.

Port 0 asks for any free port. `Start` accepts clients in the background; a program that does nothing else would call
`ServeForever` instead.
*)
open FunctionalWs
open FunctionalWs.FSharp

let server =
    WebSocket.serve "127.0.0.1" 0 (fun connection ->
        for message in connection do
            match message with
            | Text text -> connection.Send $"you said: {text}"
            | Binary data -> connection.Send data.Span)

server.Start()

(**
## A client

Any WebSocket client will do; this is the one that comes with .NET. Its calls are asynchronous, so `result` waits for each.
*)
open System
open System.Net
open System.Net.WebSockets
open System.Text
open System.Threading

let timeout = new CancellationTokenSource(TimeSpan.FromSeconds 30.0)
let port = (server.LocalEndPoint :?> IPEndPoint).Port
let client = new ClientWebSocket()
client.ConnectAsync(Uri $"ws://127.0.0.1:{port}/", timeout.Token).Wait()

/// Sends one message and gives the answer.
let ask (kind: WebSocketMessageType) (data: byte[]) =
    client.SendAsync(ArraySegment data, kind, true, timeout.Token).Wait()
    let buffer = Array.zeroCreate 1000
    let answer = client.ReceiveAsync(ArraySegment buffer, timeout.Token).Result
    buffer[.. answer.Count - 1]

(**
A text comes back with a few words before it:
*)
let greeting = ask WebSocketMessageType.Text "hello"B |> Encoding.UTF8.GetString
(*** include-value: greeting ***)

(**
Bytes come back as they are:
*)
let bytes = ask WebSocketMessageType.Binary [| 1uy; 2uy; 3uy |]
(*** include-value: bytes ***)

(**
## The end

The client starts the closing handshake, the server answers it. `Shutdown` then ends the server: it would close all
connections that are still open, and tells how many it had to cut because they didn't end in time.
*)
client.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", timeout.Token).Wait()
let closedWith = client.CloseStatus
(*** include-value: closedWith ***)

let cut = server.Shutdown()
(*** include-value: cut ***)

(**
Next: [what happens to a handshake and to frames, step by step](by-hand.html).
*)
(*** hide ***)
if greeting <> "you said: hello" || bytes <> [| 1uy; 2uy; 3uy |] || cut <> 0 then
    failwith $"another answer than on the page: {greeting} {bytes} {cut}"
