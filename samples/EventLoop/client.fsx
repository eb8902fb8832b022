// A client on the protocol alone: `dotnet fsi client.fsx ws://127.0.0.1:8765/` says hello to an echo server and prints what happens.
#r "../../src/Protocol.FSharp/bin/Debug/net10.0/FunctionalWs.Protocol.dll"

open System
open System.Net.Sockets
open System.Security.Cryptography
open FunctionalWs.Protocol

let uri = WebSocketUri.Parse(Array.last fsi.CommandLineArgs)
let socket = (new TcpClient(uri.Host, uri.Port)).Client
let message, output = Buffers.ArrayBufferWriter(), Buffers.ArrayBufferWriter()
let random (size: int) = RandomNumberGenerator.GetBytes size
let key () = BitConverter.ToUInt32(random 4)

/// Writes what waits, then goes on with what comes next: nothing at the end of the stream.
let exchange (next: byte[] -> 'T) : 'T =
    socket.Send output.WrittenSpan |> ignore
    output.ResetWrittenCount()
    let buffer: byte[] = Array.zeroCreate 4096
    next buffer[.. socket.Receive buffer - 1]

let rec readHead (reader: ResponseReader) (bytes: byte[]) : ResponseHead * byte[] =
    match reader.Read bytes with
    | ResponseParse.Complete(head, consumed) -> head, bytes[consumed..]
    | ResponseParse.Incomplete next ->
        exchange (function
            | [||] -> failwith "The stream has ended in the opening handshake."
            | more -> readHead next more)
    | other -> failwith $"{other}"

let react (endpoint: WebSocketEndpoint) (incoming: Incoming) : WebSocketEndpoint =
    match incoming with
    | Incoming.Data(_, true) ->
        printfn $"echo: {Text.Encoding.UTF8.GetString message.WrittenSpan}"
        let goodbye = CloseStatus.Create(CloseCode.NormalClosure, "bye")
        endpoint.Send(Command.Close goodbye, ReadOnlySpan.Empty, output, key ()).Next
    | _ -> endpoint

let rec run (endpoint: WebSocketEndpoint) (bytes: byte[]) : WebSocketEndpoint =
    let step = endpoint.Receive(bytes, message, output, key ())
    let next = react step.Next step.Incoming

    match bytes[step.Consumed ..] with
    | [||] ->
        exchange (function
            | [||] -> next.EndOfStream().Next
            | more -> run next more)
    | rest -> run next rest

let asked =
    ClientHandshake.request (ReadOnlySpan(random 16)) ClientOffer.Default uri

asked.Request.WriteTo output
let head, rest = readHead (ResponseReader()) [||]
printfn $"{ClientHandshake.check asked head}"
let opened = WebSocketEndpoint.Create ConnectionSettings.Client
let text = Command.Message DataKind.Text
let hello = opened.Send(text, "Hello"B, output, key ())
printfn $"{(run hello.Next rest).State}"
