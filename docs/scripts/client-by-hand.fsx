(**
---
title: A client by hand
category: Scripts
categoryindex: 5
index: 6
---
*)
(**
# A client by hand

The other side of the same core: a client on a plain TCP stream, step by step.

As a [script]({{root}}{{fsdocs-source-basename}}.fsx) for `dotnet fsi` and a [notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.FSharp, *-*"

(**
Names of .NET, the server to talk to, and the protocol:
*)
open System
open System.Buffers
open System.Net.Sockets
open System.Text
open FunctionalWs.FSharp
open FunctionalWs.Protocol

(**
## Somebody to talk to

A server of the library's own; any other will do.
*)
let server =
    WebSocket.serve "127.0.0.1" 0 (fun connection ->
        for message in connection do
            connection.Send $"you said: {message.Text}")

server.Start()

(**
## The opening handshake

The request is a value, made of a key, what is offered and where it goes. The key is drawn here, as the core draws nothing:
*)
let uri = WebSocketUri.Parse $"ws://{server.LocalEndPoint}/"

let asked =
    ClientHandshake.request (ReadOnlySpan "the sample nonce"B) ClientOffer.Default uri

let stream = (new TcpClient(uri.Host, uri.Port)).GetStream()
let output = ArrayBufferWriter<byte>()

/// Writes what waits.
let flush () : unit =
    stream.Write output.WrittenSpan
    output.ResetWrittenCount()

/// Some bytes that have come; none at the end of the stream.
let arrived () : byte[] =
    let buffer: byte[] = Array.zeroCreate 4_096
    buffer[.. stream.Read buffer - 1]

asked.Request.WriteTo output
flush ()

(**
The answer may come in any pieces. A reader takes what there is, and gives a reader that goes on where it stopped:
*)
let rec readHead (reader: ResponseReader) (bytes: byte[]) : ResponseHead * byte[] =
    match reader.Read bytes with
    | ResponseParse.Complete(head, consumed) -> head, bytes[consumed..]
    | ResponseParse.Incomplete next ->
        match arrived () with
        | [||] -> failwith "the server has ended the stream without an answer"
        | bytes -> readHead next bytes
    | other -> failwith $"that is no answer: {other}"

let head, rest = readHead (ResponseReader()) (arrived ())
printfn $"{head.StatusCode} {head.ReasonPhrase}"

match ClientHandshake.check asked head with
| ClientResult.Opened _ -> printfn "the key is answered: it is open"
| other -> failwith $"{other}"
(*** include-output ***)

(**
## A message

An endpoint is one side of an open connection, as a value. Sending gives the next one, and the bytes to write. A client masks them, with a key that it draws anew for each frame. These
are the bytes:
*)
let key () : uint32 =
    BitConverter.ToUInt32(Security.Cryptography.RandomNumberGenerator.GetBytes 4)

let opened = WebSocketEndpoint.Create ConnectionSettings.Client

let said =
    opened.Send(Command.Message DataKind.Text, ReadOnlySpan "hello"B, output, key ())

printfn $"{Convert.ToHexString output.WrittenSpan}: 2 bytes of header, 4 of key, 5 of payload"
flush ()
(*** include-output ***)

(**
## What comes

One step takes as many bytes as it needs, and says what came. The payload of a message grows in a buffer of yours, until its last part is there:
*)
let message = ArrayBufferWriter<byte>()

let rec receive (endpoint: WebSocketEndpoint) (bytes: byte[]) : WebSocketEndpoint * byte[] =
    match (if bytes.Length = 0 then arrived () else bytes) with
    | [||] -> endpoint.EndOfStream().Next, [||]
    | bytes ->
        let step = endpoint.Receive(bytes, message, output, key ())
        let left = bytes[step.Consumed ..]

        match step.Incoming with
        | Incoming.Data(_, true)
        | Incoming.Close _ -> step.Next, left
        | _ -> receive step.Next left

let heard, left = receive said.Next rest
let answer = Encoding.UTF8.GetString message.WrittenSpan
printfn $"{answer}"
(*** include-output ***)

(**
## The end

A close frame each way, then the stream:
*)
let goodbye = CloseStatus.Create(CloseCode.NormalClosure, "bye")
let closing = heard.Send(Command.Close goodbye, ReadOnlySpan.Empty, output, key ())
flush ()
let answered, _ = receive closing.Next left

let ended =
    if answered.IsClosed then
        answered
    else
        answered.EndOfStream().Next

printfn $"{ended.State}"
(*** include-output ***)

(**
Next: [property tests of your own](properties.html).
*)
(*** hide ***)
stream.Dispose()
server.Dispose()

match ended.State with
| State.Closed(Closure.Clean(_, _, Initiator.Local)) when answer = "you said: hello" -> ()
| state -> failwith $"another end than on the page: {answer} {state}"
