(**
---
title: The core on your own transport
category: Scripts
categoryindex: 5
index: 5
---
*)
(**
# The core on your own transport

The protocol has no socket, so it goes on top of any: this is a server of one thread that serves all its clients, event by event, on nothing but the
core. What the core asks of you is four things: give it the bytes that come, write the bytes that it gives, say when the stream has ended, and end your
side when it says so.

As a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi` and a [notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.FSharp, *-*"

(**
Names of .NET, and the protocol (the package brings a client, too, for the end):
*)
open System
open System.Buffers
open System.Collections.Generic
open System.Net
open System.Net.Sockets
open FunctionalWs.Protocol

(**
## A client

What is kept of one: its socket, where its conversation is, the message that is arriving and the bytes that wait to be written. `ServerSide` is the whole of a server's
side as a value: first the opening handshake, then the messages. Each step gives the next one.
*)
type Client(socket: Socket) =
    let buffer: byte[] = Array.zeroCreate 16_384
    let message = ArrayBufferWriter<byte>()
    let output = ArrayBufferWriter<byte>()

    let mutable side =
        ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server)

    /// What came, piece by piece: a step takes as many bytes as it needs.
    let rec take (bytes: byte[]) : unit =
        if bytes.Length > 0 then
            let step = side.Receive(bytes, message, output, DateTimeOffset.UtcNow)
            side <- step.Next

            match step.Incoming with
            | Incoming.Data(kind, true) -> // a whole message: here goes what your server does
                printfn $"the server hears {message.WrittenCount} bytes of {kind}"
                side <- side.Send(Command.Message kind, message.WrittenSpan, output)
                message.ResetWrittenCount()
            | _ -> ()

            take bytes[step.Consumed ..]

    let flush () : unit =
        socket.Send output.WrittenSpan |> ignore
        output.ResetWrittenCount()

        if side.IsSendingOver then
            socket.Shutdown SocketShutdown.Send

    /// Something has come; false when it was the end.
    /// False once it has ended, however rudely: a client that resets its stream ends nobody else.
    member _.React() : bool =
        try
            match socket.Receive buffer with
            | 0 -> side <- side.EndOfStream().Next
            | count -> take buffer[.. count - 1]

            if socket.Connected then // not after its sending side was ended
                flush ()

            not side.IsClosed
        with :? SocketException ->
            false

(**
## The loop

Wait until something happens; a new client, or bytes of one that is here. That is all.
*)
let listener = new TcpListener(IPAddress.Loopback, 0)
listener.Start()
let clients = Dictionary<Socket, Client>()

let step () : unit =
    let ready = List<Socket>(Seq.append [ listener.Server ] clients.Keys)
    Socket.Select(ready, null, null, TimeSpan.FromSeconds 10.0)

    for socket in ready do
        if socket = listener.Server then
            let accepted = listener.AcceptSocket()
            clients[accepted] <- Client accepted
        elif not (clients[socket].React()) then
            clients.Remove socket |> ignore
            socket.Dispose()

(**
## A client

The product's own will do. It says hello, hears it again, and closes:
*)
open System.Threading.Tasks
open FunctionalWs.FSharp

let talk () : string =
    use client = WebSocket.connect $"ws://{listener.LocalEndpoint}/"
    client.Send "hello"
    let answer = client.ReceiveText()
    client.Close(reason = "bye")
    $"{answer}, closed with {client.CloseCode}"

let heard = Task.Run<string>(fun () -> talk ())

while not heard.IsCompleted || clients.Count > 0 do
    step ()

printfn $"the client hears {heard.Result}"
(*** include-output ***)

(**
To go on from here: `Send` waits in `flush` when a client does not read; a server of yours keeps the rest until its socket can be written. `Timeouts` are decided by the core, too,
given the time; `samples/EventLoop` in the repository is the same in C#. Next: [a client by hand](client-by-hand.html).
*)
(*** hide ***)
if heard.Result <> "hello, closed with 1000" then
    failwith $"another end than on the page: {heard.Result}"
