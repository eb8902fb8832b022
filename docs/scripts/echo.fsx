(**
---
title: An echo server in ten lines
category: Scripts
categoryindex: 5
index: 1
---
*)
(**
# An echo server in ten lines

This page is a program: take it as a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi`, or as a
[notebook]({{root}}{{fsdocs-source-basename}}.ipynb). What it prints stands below each step.
*)
#r "nuget: FunctionalWs.FSharp, *-*"

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

Any WebSocket client will do; this is [the library's own](../client.html). It blocks, too, and its connection is of the same kind.
*)
open FunctionalWs.Protocol

let client = WebSocket.connect $"ws://{server.LocalEndPoint}/"

(**
A text comes back with a few words before it:
*)
client.Send "hello"
let greeting = client.Receive().Text
printfn $"{greeting}"
(*** include-output ***)

(**
Bytes come back as they are:
*)
client.Send [| 1uy; 2uy; 3uy |]
let bytes = client.Receive().Data.ToArray()
printfn "%A" bytes
(*** include-output ***)

(**
## The end

The client starts the closing handshake, the server answers it. `Shutdown` then ends the server: it would close all
connections that are still open, and tells how many it had to cut because they didn't end in time.
*)
client.Close(CloseCode.NormalClosure, "bye")
let closedWith = client.Received
printfn $"closed with {closedWith}"
(*** include-output ***)

let cut = server.Shutdown()
printfn $"{cut} connections had to be cut"
(*** include-output ***)

(**
Next: [what happens to a handshake and to frames, step by step](by-hand.html).
*)
(*** hide ***)
if greeting <> "you said: hello" || bytes <> [| 1uy; 2uy; 3uy |] || cut <> 0 then
    failwith $"another answer than on the page: {greeting} {bytes} {cut}"
