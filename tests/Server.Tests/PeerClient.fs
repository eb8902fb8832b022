namespace FunctionalWs.Server.Tests

open System
open System.Buffers
open System.Collections.Generic
open System.Net
open System.Net.Sockets
open System.Text
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

/// What a client finds on the wire.
type Wire =
    | Data of Opcode: Opcode * Fin: bool * Payload: byte[]
    | Closed of CloseStatus
    | PingOf of byte[]
    | PongOf of byte[]
    | End

/// A client that writes any bytes and reads frame by frame. It answers nothing by itself.
type PeerClient(transport: Transport) =
    let received = List<byte>()
    let key = 0x37FA213Du

    let settings = {
        ConnectionSettings.Client with
            ReservedBits = ReservedBits.Rsv1 ||| ReservedBits.Rsv2 ||| ReservedBits.Rsv3
            Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
    }

    /// At least one more byte; false at the end.
    let fill () =
        let buffer = Array.zeroCreate<byte> 65_536
        let deadline = Deadline.After(TimeProvider.System, Wait.limit)

        if not (transport.WaitReadable deadline) then
            failwith "waited in vain for the server to write"

        let size = transport.Read(Span buffer)
        received.AddRange(ArraySegment(buffer, 0, size))
        size > 0

    let take (count: int) =
        let bytes = received.GetRange(0, count).ToArray()
        received.RemoveRange(0, count)
        bytes

    let tryFrame () =
        let buffer = ReadOnlySequence(received.ToArray())

        match FrameReader.read settings &buffer with
        | FrameParse.Incomplete -> None
        | FrameParse.Malformed error -> failwith $"the server broke the protocol: {error}"
        | FrameParse.Complete frame ->
            let payload = frame.ToArray()
            take (int frame.Header.FrameLength) |> ignore
            Some(struct (frame.Header, payload))

    let status (payload: byte[]) =
        if payload.Length = 0 then
            CloseStatus.NoStatus
        else
            let code = int payload[0] * 256 + int payload[1]
            CloseStatus.Create(CloseCode.Create code, Encoding.UTF8.GetString(payload, 2, payload.Length - 2))

    /// Connects to a server without an address.
    static member InMemory(server: Server) =
        let struct (atServer, atClient) = MemoryTransport.CreatePair()
        server.Admit atServer
        new PeerClient(atClient)

    /// Connects to a server's port.
    static member OverTcp(server: Server) =
        let socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        socket.Connect(server.LocalEndPoint :?> IPEndPoint)
        new PeerClient(new SocketTransport(socket))

    member _.Transport = transport

    member _.Write(bytes: byte[]) = transport.Write(ReadOnlySpan bytes)

    member client.Write(text: string) =
        client.Write(Encoding.Latin1.GetBytes text)

    member client.WriteFrame(fin: bool, opcode: Opcode, payload: byte[]) =
        let writer = ArrayBufferWriter<byte>()
        FrameWriter.write fin opcode (ReadOnlySpan payload) (ValueSome key) writer
        client.Write(writer.WrittenSpan.ToArray())

    /// A frame with bits of extensions.
    member client.WriteMarked(bits: ReservedBits, fin: bool, opcode: Opcode, payload: byte[]) =
        let writer = ArrayBufferWriter<byte>()
        FrameWriter.write fin opcode (ReadOnlySpan payload) (ValueSome key) writer
        let bytes = writer.WrittenSpan.ToArray()
        bytes[0] <- bytes[0] ||| (byte bits <<< 4)
        client.Write bytes

    member client.SendText(text: string) =
        client.WriteFrame(true, Opcode.Text, Encoding.UTF8.GetBytes text)

    member client.SendBinary(data: byte[]) =
        client.WriteFrame(true, Opcode.Binary, data)

    member client.SendPing(data: byte[]) =
        client.WriteFrame(true, Opcode.Ping, data)

    member client.SendClose(code: int) =
        client.WriteFrame(true, Opcode.Close, CloseStatus.Create(CloseCode.Create code, "").ToArray())

    /// The head of a response, up to its empty line; none at the end of the stream.
    member _.TryReadResponse() : string option =
        let text () =
            Encoding.Latin1.GetString(received.ToArray())

        while not (text().Contains "\r\n\r\n") && fill () do
            ()

        match text().IndexOf("\r\n\r\n", StringComparison.Ordinal) with
        | -1 -> None
        | index -> Some(Encoding.Latin1.GetString(take (index + 4)))

    /// The head of a response, up to its empty line.
    member client.ReadResponse() : string =
        match client.TryReadResponse() with
        | Some head -> head
        | None -> failwith $"no response: {Encoding.Latin1.GetString(received.ToArray())}"

    /// All that comes until the end of the stream.
    member _.ReadToEnd() : string =
        while fill () do
            ()

        Encoding.Latin1.GetString(take received.Count)

    /// The opening handshake; fails unless it is accepted.
    member client.ShakeHands() =
        client.Write(PeerClient.Request: string)
        let response = client.ReadResponse()

        if not (response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
            failwith response

    /// The opening handshake with an offer of extensions; gives what the server agrees to, empty for none.
    member client.Offer(extensions: string) : string =
        let header = $"Sec-WebSocket-Extensions: {extensions}\r\n\r\n"
        client.Write(PeerClient.Request.Replace("\r\n\r\n", "\r\n" + header))
        let response = client.ReadResponse()

        if not (response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
            failwith response

        response.Split "\r\n"
        |> Array.tryFind _.StartsWith("Sec-WebSocket-Extensions: ", StringComparison.Ordinal)
        |> Option.map _.Substring("Sec-WebSocket-Extensions: ".Length)
        |> Option.defaultValue ""

    static member Request: string =
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

    /// The next frame, or the end of the stream.
    member client.Read() : Wire =
        match tryFrame () with
        | Some(struct (header, payload)) ->
            match header.Opcode with
            | Opcode.Close -> Closed(status payload)
            | Opcode.Ping -> PingOf payload
            | Opcode.Pong -> PongOf payload
            | Opcode.Continuation
            | Opcode.Text
            | Opcode.Binary -> Data(header.Opcode, header.Fin, payload)
        | None -> if fill () then client.Read() else End

    /// The next frame of a message with the bits of extensions.
    member client.ReadMarked() : ReservedBits * bool * byte[] =
        match tryFrame () with
        | Some(struct (header, payload)) -> header.ReservedBits, header.Fin, payload
        | None when fill () -> client.ReadMarked()
        | None -> failwith "the stream ended"

    /// The next frame as a text message.
    member client.ReadText() : string =
        match client.Read() with
        | Data(Opcode.Text, true, payload) -> Encoding.UTF8.GetString payload
        | other -> failwith $"a text was expected, not {other}"

    interface IDisposable with
        member _.Dispose() = transport.Dispose()
