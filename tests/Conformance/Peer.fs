namespace FunctionalWs.Conformance

open System
open System.Buffers
open System.IO
open System.Net.Security
open System.Net.Sockets
open System.Text
open System.Threading
open FunctionalWs.Protocol

/// What is judged.
type Subject =
    | EchoServer of Destination
    | EchoClient of Caller

/// What a case finds next.
type Incoming =
    | Frame of Header: FrameHeader * Payload: byte[]
    /// What is judged ended the stream; `IsReset` when it did so roughly.
    | End of IsReset: bool
    /// Nothing came in time.
    | Nothing
    /// What is judged broke a rule itself.
    | Wrong of ProtocolError

/// The other end in one case, a client or a server: it writes any bytes, reads frame by frame, answers nothing by itself, and never waits
/// without end.
[<Sealed>]
type Peer(subject: Subject, transcript: Transcript) =
    let readSize = 65_536
    let maxHeadSize = 65_536

    let mutable socket: Socket = null
    let mutable stream: Stream = null
    let mutable buffer = Array.zeroCreate<byte> readSize
    let mutable held = 0
    let mutable isCompressed = false
    let mutable lastKey = ValueNone
    let mutable closeCode = ValueNone

    let address, timeLimit =
        match subject with
        | EchoServer destination -> destination.Address, destination.Timeout
        | EchoClient caller -> caller.Address, caller.Timeout

    let own =
        match subject with
        | EchoServer _ -> ConnectionSettings.Client
        | EchoClient _ -> ConnectionSettings.Server

    let settings () = {
        own with
            Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
            ReservedBits =
                (if isCompressed then
                     ReservedBits.Rsv1
                 else
                     ReservedBits.None)
    }

    let reach () =
        socket <- new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)
        use limit = new CancellationTokenSource(timeLimit)
        socket.ConnectAsync(address.Host, address.Port, limit.Token).AsTask().GetAwaiter().GetResult()

        let plain = new NetworkStream(socket, ownsSocket = true)

        if address.Scheme = "wss" then
            // Whose certificate it is doesn't matter here.
            let secure = new SslStream(plain, false, (fun _ _ _ _ -> true))
            plain.ReadTimeout <- int timeLimit.TotalMilliseconds
            secure.AuthenticateAsClient address.Host
            stream <- secure
        else
            stream <- plain

    let connect () =
        if isNull stream then
            match subject with
            | EchoServer _ -> reach ()
            | EchoClient caller ->
                socket <- caller.Accept()
                socket.NoDelay <- true
                stream <- new NetworkStream(socket, ownsSocket = true)

            socket.SendTimeout <- int timeLimit.TotalMilliseconds

    /// Takes more bytes in: how many, 0 at the end, -1 when it was reset, -2 when nothing came in time.
    let fill (timeout: TimeSpan) : int =
        if buffer.Length - held < readSize then
            Array.Resize(&buffer, buffer.Length * 2)

        try
            stream.ReadTimeout <- max 1 (int timeout.TotalMilliseconds)
            let size = stream.Read(buffer, held, buffer.Length - held)
            held <- held + size
            size
        with :? IOException as error ->
            match error.InnerException with
            | :? SocketException as inner when inner.SocketErrorCode = SocketError.TimedOut -> -2
            | :? SocketException as inner when inner.SocketErrorCode = SocketError.WouldBlock -> -2
            | _ -> -1

    let drop (count: int) =
        Array.Copy(buffer, count, buffer, 0, held - count)
        held <- held - count

    let note (incoming: Incoming) =
        match incoming with
        | Frame(header, payload) -> transcript.Add(Received, Peer.Describe(header, payload), payload)
        | End isReset ->
            transcript.Note(
                if isReset then
                    "the stream was reset"
                else
                    "the stream was ended"
            )
        | Nothing -> transcript.Note "nothing came in time"
        | Wrong error -> transcript.Add(Received, error.Description, buffer[.. held - 1])

    /// A client masks each frame with a key of its own (RFC 6455 §5.3).
    let look (header: FrameHeader) (payload: byte[]) =
        if header.MaskingKey.IsSome && header.MaskingKey = lastKey then
            Verdict.failed "two frames have the same masking key"

        lastKey <- header.MaskingKey

        if header.Opcode.IsClose && closeCode.IsNone then
            closeCode <-
                ValueSome(
                    if payload.Length < 2 then
                        1005
                    else
                        int payload[0] * 256 + int payload[1]
                )

    let rec next (timeout: TimeSpan) : Incoming =
        let sequence = ReadOnlySequence(buffer, 0, held)

        match FrameReader.read (settings ()) &sequence with
        | FrameParse.Complete frame ->
            let payload = frame.ToArray()
            let header = frame.Header
            drop (int header.FrameLength)
            look header payload
            Frame(header, payload)
        | FrameParse.Malformed error -> Wrong error
        | FrameParse.Incomplete ->
            match fill timeout with
            | 0 -> End false
            | -1 -> End true
            | -2 -> Nothing
            | _ -> next timeout

    static member private Describe(header: FrameHeader, payload: byte[]) : string =
        let kind = $"{header.Opcode}".ToLowerInvariant()
        let fin = if header.Fin then "" else ", more to come"

        let bits =
            if header.ReservedBits = ReservedBits.None then
                ""
            else
                $", {header.ReservedBits}"

        let status =
            if header.Opcode.IsClose && payload.Length >= 2 then
                $" {int payload[0] * 256 + int payload[1]} {Encoding.UTF8.GetString(payload, 2, payload.Length - 2)}"
            else
                ""

        $"{kind}{status} [{payload.Length} bytes{fin}{bits}]"

    member _.Timeout = timeLimit
    member _.Address = address

    /// True when this is a server, and a client is judged.
    member _.IsServer = own.Role.IsServer

    /// Who calls the client that is judged.
    member _.Caller =
        match subject with
        | EchoClient caller -> caller
        | EchoServer _ -> invalidOp "A server is judged."

    /// The code of the first close frame that came; 1005 for none in it.
    member _.CloseCode = closeCode

    /// The key of the last frame that came.
    member _.LastKey = lastKey
    member _.Note(text: string) = transcript.Note text

    /// Writes bytes; who doesn't take them shows that when it is read from.
    member peer.Send(text: string, bytes: byte[]) =
        connect ()
        transcript.Add(Sent, text, bytes)

        try
            stream.Write(bytes, 0, bytes.Length)
            stream.Flush()
        with :? IOException ->
            transcript.Note "no more bytes are taken"

    /// Writes bytes while others are read.
    member peer.SendAside(text: string, bytes: byte[]) : Thread =
        let thread = Thread((fun () -> peer.Send(text, bytes)), IsBackground = true)
        thread.Start()
        thread

    /// The next frame, or what else there is.
    member _.Next() : Incoming =
        let incoming = next timeLimit
        note incoming
        incoming

    /// The next frame, waited for a shorter time.
    member _.NextWithin(timeout: TimeSpan) : Incoming =
        let incoming = next timeout
        note incoming
        incoming

    /// The head of the answer to a request, as far as it comes.
    member _.ReadHead() : string =
        let text () =
            Encoding.Latin1.GetString(buffer, 0, held)

        let mutable isOver = false
        connect ()

        while not isOver && held < maxHeadSize && not (text().Contains "\r\n\r\n") do
            isOver <- fill timeLimit <= 0

        match text().IndexOf "\r\n\r\n" with
        | -1 ->
            transcript.Add(Received, "no answer", buffer[.. held - 1])
            ""
        | at ->
            let head = text().Substring(0, at)
            transcript.Add(Received, head, [||])
            drop (at + 4)
            head

    /// Ends the stream in one direction: what comes can still be read.
    member _.EndSending() =
        try
            socket.Shutdown SocketShutdown.Send
        with :? SocketException ->
            () // it has ended already

    /// Ends the stream without a word: what was sent may be lost.
    member _.Reset() =
        socket.LingerState <- LingerOption(true, 0)
        stream.Dispose()

    /// Ends this connection; the next bytes go over another one.
    member _.Leave() =
        stream.Dispose()
        stream <- null
        held <- 0

    /// From here on messages may be marked as compressed.
    member _.Compress() = isCompressed <- true

    interface IDisposable with
        member _.Dispose() =
            if not (isNull stream) then
                stream.Dispose()
