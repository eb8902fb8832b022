/// Connections over streams that are there.
module FunctionalWs.Client.Tests.StreamTests

open System
open System.IO
open System.Net.Sockets
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests

let private direct = ClientOptions(Proxy = null)

let private echo (connection: ServerConnection) =
    for message in connection do
        connection.Send(message, compress = Nullable false)

let private serving () =
    let server = Server.Serve(echo, "127.0.0.1", 0)
    server.Start()
    server

let private connected (server: Server) : NetworkStream =
    let socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
    socket.Connect server.LocalEndPoint
    new NetworkStream(socket, ownsSocket = true)

/// A stream that does as another does, except for what a test changes; it tells when it is disposed of.
type private Changed(inner: Stream) =
    inherit Stream()
    let disposed = new ManualResetEventSlim()
    member _.WaitDisposed() = disposed.Wait Wait.limit =! true
    override _.CanRead = true
    override _.CanWrite = true
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Flush() = inner.Flush()
    override _.Read(buffer: byte[], offset, count) = inner.Read(buffer, offset, count)
    override _.Write(buffer: byte[], offset, count) = inner.Write(buffer, offset, count)

    override _.Dispose(disposing: bool) =
        base.Dispose disposing
        inner.Dispose()
        disposed.Set()

/// Fails to read after so many bytes.
type private Failing(inner: Stream, count: int) =
    inherit Changed(inner)
    let mutable left = count

    override _.Read(buffer: byte[], offset, count) =
        if left = 0 then
            invalidOp "the line was cut"

        let size = inner.Read(buffer, offset, min left count)
        left <- left - size
        size

/// Keeps nothing back until it is written a lot; then takes nothing any more, until it is disposed of.
type private Stuck(inner: Stream) =
    inherit Changed(inner)
    let ended = new ManualResetEventSlim()

    override _.Write(buffer: byte[], offset, count) =
        if count > 4096 then
            ended.Wait Wait.limit |> ignore
            raise (IOException "ended")

        inner.Write(buffer, offset, count)

    override _.Dispose(disposing: bool) =
        base.Dispose disposing
        ended.Set()

[<Tests>]
let streams =
    testList "a connection over a stream" [
        testCase "carries messages both ways at once, and disposes of the stream at its end" (fun () ->
            use server = serving ()
            let stream = new Changed(connected server)
            use connection = Client.Connect(stream, "ws://localhost/", direct)
            let sent = Array.init 1_000_000 byte

            let sending =
                Wait.start (fun () ->
                    for _ in 1..5 do
                        connection.Send sent)

            for _ in 1..5 do
                connection.Receive(Wait.limit).Data.ToArray() =! sent

            Wait.forTask "everything is sent" sending
            connection.Close()
            connection.CloseCode =! Nullable 1000
            connection.Dispose()
            stream.WaitDisposed())

        testCase "ends with what its stream has thrown as the cause" (fun () ->
            use server = serving ()
            let stream = new Failing(connected server, 500)
            use connection = Client.Connect(stream, "ws://localhost/", direct)
            connection.Send(Array.zeroCreate<byte> 1000, compress = Nullable false)

            let error =
                Wait.throws<ConnectionClosedException>(fun () -> connection.Receive Wait.limit |> ignore)

            connection.CloseCode =! Nullable 1006
            error.InnerException.Message =! "the line was cut"
            connection.Dispose()
            stream.WaitDisposed())

        testCase "whose stream takes nothing any more is given up after its time" (fun () ->
            use server = serving ()
            let stream = new Stuck(connected server)

            use connection =
                Client.Connect(
                    stream,
                    "ws://localhost/",
                    ClientOptions(Proxy = null, CloseTimeout = TimeSpan.FromMilliseconds 100.0)
                )

            connection.Send(Array.zeroCreate<byte> 20_000)
            connection.Dispose()
            stream.WaitDisposed())

        testCase "disposes of the stream also when it doesn't come about" (fun () ->
            use server = serving ()
            let stream = new Failing(connected server, 20)

            Wait.throws<IOException>(fun () -> Client.Connect(stream, "ws://localhost/", direct).Dispose())
            |> ignore

            stream.WaitDisposed()
            let other = new Changed(new MemoryStream())

            Wait.throws<UriFormatException>(fun () -> Client.Connect(other, "localhost", direct).Dispose())
            |> ignore

            other.WaitDisposed()

            let error =
                Wait.throws<ArgumentException>(fun () ->
                    Client.Connect(new MemoryStream([||], false), "ws://localhost/", direct).Dispose())

            test
                <@ error.Message.StartsWith("The stream has to read and to write", StringComparison.Ordinal) @>)
    ]
