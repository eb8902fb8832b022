/// A client that sends a stream to a server, whatever the server says, and sees what comes.
module FunctionalWs.Differential.Player

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open FunctionalWs.Generators

/// A socket with everything that has come from it.
[<Sealed>]
type private Wire(port: int, hasUsualKey: bool, timeout: CancellationToken) =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

    let buffer = Array.zeroCreate 4096
    let heard = new MemoryStream()

    member _.TryConnect() : Task<bool> =
        task {
            try
                do! socket.ConnectAsync(IPEndPoint(IPAddress.Loopback, port), timeout)
                return true
            with :? SocketException ->
                return false
        }

    member _.Heard: Heard =
        Heard.parse hasUsualKey (ReadOnlyMemory(heard.GetBuffer(), 0, int heard.Length))

    /// False at the end. A reset is an end, too: what came before has been read.
    member _.Read() : Task<bool> =
        task {
            try
                let! count = socket.ReceiveAsync(Memory buffer, timeout)
                heard.Write(buffer, 0, count)
                return count > 0
            with :? SocketException ->
                return false
        }

    /// As far as the server takes it.
    member _.Write(pieces: byte[] list) : Task =
        task {
            try
                for piece in pieces do
                    let! _ = socket.SendAsync(ReadOnlyMemory piece, timeout)
                    ()
            with :? SocketException ->
                ()
        }

    member _.EndOutput() : unit =
        try
            socket.Shutdown SocketShutdown.Send
        with :? SocketException ->
            ()

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            heard.Dispose()

let private isWhole (bytes: byte[]) =
    bytes.AsSpan().IndexOf("\r\n\r\n"B) >= 0

/// Reads until the condition holds; false when the stream ended before.
let private readUntil (wire: Wire) (condition: Heard -> bool) : Task<bool> =
    task {
        let mutable isOpen = true

        while isOpen && not (condition wire.Heard) do
            let! more = wire.Read()
            isOpen <- more

        return isOpen
    }

let private readToEnd (wire: Wire) : Task =
    task {
        wire.EndOutput()
        let! _ = readUntil wire (fun _ -> false)
        ()
    }

let private open' (wire: Wire) (stream: ByteStream) : Task<bool> =
    task {
        do! wire.Write(stream.Cuts.Pieces stream.Head)

        // A server would wait for the rest.
        if not (isWhole stream.Head) then
            wire.EndOutput()

        let! _ = readUntil wire _.Status.IsSome
        return wire.Heard.Status = Some 101
    }

let private talk (wire: Wire) (stream: ByteStream) : Task =
    task {
        let bytes, ending = ByteStream.bytes stream
        let writing = wire.Write(stream.Cuts.Pieces bytes)

        if ending = Ending.Cut then
            do! writing
        else
            let! _ = readUntil wire _.Close.IsSome
            do! writing
    }

let private converse (wire: Wire) (stream: ByteStream) : Task =
    task {
        let! isOpened = open' wire stream

        if isOpened then
            do! talk wire stream

        do! readToEnd wire
    }

let private endOf (heard: Heard) : End =
    match heard.Status, heard.Close with
    | None, _ -> End.Unanswered
    | Some 101, None -> End.Dropped
    | Some 101, Some code when code = ByteStream.lastCode && List.contains ByteStream.markPong heard.Pongs ->
        End.Open
    | Some 101, Some code -> End.Closed code
    | Some status, _ -> End.Refused status

let private run (wire: Wire) (stream: ByteStream) : Task<End> =
    task {
        try
            let! isConnected = wire.TryConnect()

            if isConnected then
                do! converse wire stream
                return endOf wire.Heard
            else
                return End.Gone
        with :? OperationCanceledException ->
            return End.Endless
    }

let private nothing = { Messages = []; Cause = "-" }

/// What the server makes of the stream, and what its handler got.
let play (stream: ByteStream) (peer: Peer) : Task<Observation> =
    task {
        use timeout = new CancellationTokenSource(Limits.patience)
        use wire = new Wire(peer.Port(), stream.IsOpened, timeout.Token)
        let! ended = run wire stream
        let heard = wire.Heard

        let! delivery =
            if heard.Status = Some 101 then
                peer.Deliveries.Take(stream.Id, Limits.patience)
            else
                Task.FromResult(Some nothing)

        let odd = if delivery.IsNone then [ "handler-not-done" ] else []
        let delivery = Option.defaultValue nothing delivery

        return {
            End = ended
            Messages = delivery.Messages
            Pongs = heard.Pongs
            Oddities = heard.Oddities @ odd
            Cause = delivery.Cause
        }
    }
