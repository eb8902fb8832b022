module FunctionalWs.Server.Tests.TlsTransportTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private never = Deadline.After(TimeProvider.System, Nullable())

let private now () =
    Deadline.After(TimeProvider.System, TimeSpan.Zero)

/// Bytes on their way to a transport under test, one at a time if wanted; what that writes is passed on.
type private Cut(lower: Transport) =
    inherit Transport()
    let bytes = Queue<byte>()
    let mutable isEnded = false
    let mutable isShutdown = false
    member _.IsShutdown = isShutdown
    member val Capacity = Int32.MaxValue with get, set
    member val MaxRead = Int32.MaxValue with get, set
    member val Written = List<byte>()

    member _.Give(next: byte seq) = next |> Seq.iter bytes.Enqueue
    member _.EndInput() = isEnded <- true
    override _.LocalEndPoint = null
    override _.RemoteEndPoint = null
    override _.IsReadable = bytes.Count > 0 || isEnded
    override cut.WaitReadable _ = cut.IsReadable

    override cut.Read destination =
        let size = min (min destination.Length bytes.Count) cut.MaxRead

        for i in 0 .. size - 1 do
            destination[i] <- bytes.Dequeue()

        size

    override cut.Write source = cut.Written.AddRange(source.ToArray())

    override cut.TryWrite source =
        let size = min source.Length cut.Capacity
        cut.Capacity <- cut.Capacity - size
        cut.Written.AddRange(source.Slice(0, size).ToArray())
        size

    override _.ShutdownSend() = isShutdown <- true
    override _.Abort() = lower.Abort()
    override _.Dispose() = lower.Dispose()

/// Passes everything on until it is told to hand over to another.
type private Switch(first: Transport) =
    inherit Transport()
    let mutable current = first
    member _.To(next: Transport) = current <- next
    override _.LocalEndPoint = null
    override _.RemoteEndPoint = null
    override _.IsReadable = current.IsReadable
    override _.WaitReadable deadline = current.WaitReadable deadline
    override _.Read destination = current.Read destination
    override _.Write source = current.Write source
    override _.TryWrite source = current.TryWrite source
    override _.ShutdownSend() = current.ShutdownSend()
    override _.Abort() = current.Abort()
    override _.Dispose() = first.Dispose()

/// A TLS transport past its handshake whose further bytes the test deals out, and the client's stream with what it writes.
let private joined (protocol: SslProtocols) =
    let struct (atServer, atClient) = MemoryTransport.CreatePair()
    let server = new Switch(atServer)
    let client = new Switch(atClient)
    let tls = new TlsTransport(server)
    let settings = Tls.ssl ()
    settings.EnabledSslProtocols <- protocol
    let handshake = Wait.start (fun () -> tls.Authenticate settings)
    let stream = Tls.over (Tls.clientOptions ()) client
    Wait.forTask "the server's part of the handshake" handshake
    let toServer, toClient = new Cut(atServer), new Cut(atClient)
    // What the server sent after the handshake (session tickets) is still on its way to the client.
    while atClient.IsReadable do
        let buffer = Array.zeroCreate<byte> 4096
        let size = atClient.Read(Span buffer)
        toClient.Give buffer[.. size - 1]

    server.To toServer
    client.To toClient
    tls, toServer, stream, toClient

/// The records of one write.
let private encrypt (stream: SslStream) (toClient: Cut) (data: byte[]) =
    toClient.Written.Clear()
    stream.Write data
    toClient.Written.ToArray()

let private read (tls: TlsTransport) (size: int) =
    let buffer = Array.zeroCreate<byte> size
    let read = tls.Read(Span buffer)
    buffer[.. read - 1]

[<Tests>]
let transport =
    testList "TLS as a transport" [
        testTheory
            "records cut at every byte give up without loss, and go on"
            [ SslProtocols.Tls12; SslProtocols.Tls13 ]
            (fun protocol ->
                let tls, toServer, stream, toClient = joined protocol
                use _ = tls
                let first = encrypt stream toClient "hello, "B
                let second = encrypt stream toClient "world"B
                let both = Array.append first second
                let heard = List<byte>()

                for i in 0 .. both.Length - 1 do
                    toServer.Give [ both[i] ]
                    let isWhole = i + 1 = first.Length || i + 1 = both.Length
                    tls.WaitReadable(now ()) =! isWhole
                    tls.IsReadable =! isWhole

                    if isWhole then
                        heard.AddRange(read tls 64)

                Encoding.ASCII.GetString(heard.ToArray()) =! "hello, world"
                tls.IsReadable =! false)

        testTheory
            "a record that drips costs no exception until it is complete, and each look is counted"
            [ SslProtocols.Tls12; SslProtocols.Tls13 ]
            (fun protocol ->
                let tls, toServer, stream, toClient = joined protocol
                use _ = tls
                tls.IsReadable =! false // nothing came with the end of the handshake
                let record = encrypt stream toClient (Array.zeroCreate<byte> 5_000)
                let thread = Environment.CurrentManagedThreadId
                let mutable thrown = 0

                let count =
                    EventHandler<Runtime.ExceptionServices.FirstChanceExceptionEventArgs>(fun _ _ ->
                        if Environment.CurrentManagedThreadId = thread then
                            thrown <- thrown + 1)

                let before = tls.Looks
                AppDomain.CurrentDomain.add_FirstChanceException count

                try
                    for next in record[.. record.Length - 2] do
                        toServer.Give [ next ]

                        if tls.IsReadable then
                            failwith "a part of a record is readable"
                finally
                    AppDomain.CurrentDomain.remove_FirstChanceException count

                thrown =! 0
                tls.Looks - before =! int64 record.Length - 1L
                toServer.Give [ Array.last record ]
                tls.IsReadable =! true
                (read tls 5_000).Length =! 5_000)

        testCase "what is no record is the end at once, not when it is as long as it says" (fun () ->
            for bytes in [ "GET / HTTP/1.1\r\n"B; [| 23uy; 2uy |]; [| 23uy; 3uy; 3uy; 255uy; 255uy |] ] do
                let tls, toServer, _, _ = joined SslProtocols.None
                use _ = tls
                tls.IsReadable =! false
                toServer.Give bytes

                if not tls.IsReadable then
                    toServer.Give(Array.zeroCreate<byte> 16)

                tls.IsReadable =! true
                read tls 64 =! [||])

        testCase "one read takes all whole records, a small one leaves the rest readable" (fun () ->
            let tls, toServer, stream, toClient = joined SslProtocols.None
            use _ = tls

            for text in [ "one "B; "two "B; "three"B ] do
                toServer.Give(encrypt stream toClient text)

            tls.IsReadable =! true
            read tls 2 =! "on"B
            tls.IsReadable =! true
            tls.PollSocket =! null
            read tls 64 =! "e two three"B
            tls.IsReadable =! false)

        testCase "the end of the stream reads as the end, with or without a goodbye in TLS" (fun () ->
            for says in [ true; false ] do
                let tls, toServer, stream, toClient = joined SslProtocols.None
                use _ = tls
                toServer.Give(encrypt stream toClient "x"B)
                toClient.Written.Clear()

                if says then
                    stream.ShutdownAsync().Wait()
                    test <@ toClient.Written.Count > 0 @>
                    toServer.Give(toClient.Written.ToArray())

                toServer.EndInput()
                read tls 1 =! "x"B
                tls.WaitReadable(now ()) =! true
                read tls 1 =! [||]
                tls.WaitReadable never =! true
                read tls 1 =! [||])

        testCase "a record that is cut off by the end, or altered, is the end and says why" (fun () ->
            for alter in [ false; true ] do
                let tls, toServer, stream, toClient = joined SslProtocols.None
                use _ = tls
                let record = encrypt stream toClient "secret"B

                if alter then
                    record[10] <- record[10] ^^^ 1uy
                    toServer.Give record
                else
                    toServer.Give record[..9]
                    toServer.EndInput()

                tls.WaitReadable(now ()) =! true
                read tls 64 =! [||]
                test <@ not (isNull tls.Failure) @>)

        testTheory
            "writes in passing give all bytes once, whatever the stream takes at a time"
            [ 1; 7; 100; 5_000; 1_000_000 ]
            (fun capacity ->
                let tls, toServer, stream, toClient = joined SslProtocols.None
                use _ = tls
                let sent = Array.init 20_000 (fun i -> byte (i * 31))
                let mutable start = 0
                let mutable looks = 0

                while start < sent.Length && looks < 100_000 do
                    toServer.Capacity <- capacity
                    start <- start + tls.TryWrite(ReadOnlySpan(sent, start, sent.Length - start))
                    looks <- looks + 1

                start =! sent.Length
                toClient.Give toServer.Written
                let heard = Array.zeroCreate<byte> sent.Length
                stream.ReadExactly heard
                heard =! sent)

        testCase "a write that waits goes on where one in passing had to stop" (fun () ->
            let tls, toServer, stream, toClient = joined SslProtocols.None
            use _ = tls
            let sent = Array.init 40_000 (fun i -> byte (i * 17))
            toServer.Capacity <- 4_500
            let taken = tls.TryWrite(ReadOnlySpan sent)
            test <@ taken > 0 && taken < 4_500 @>
            toServer.Capacity <- 0
            tls.TryWrite(ReadOnlySpan(sent, taken, sent.Length - taken)) =! 0
            toServer.Capacity <- Int32.MaxValue
            tls.Write(ReadOnlySpan(sent, taken, sent.Length - taken))
            toClient.Give toServer.Written
            let heard = Array.zeroCreate<byte> sent.Length
            stream.ReadExactly heard
            heard =! sent)

        testCase "a stream that gives a byte at a time does not keep somebody who has no time" (fun () ->
            let tls, toServer, stream, toClient = joined SslProtocols.None
            use _ = tls
            toServer.MaxRead <- 1
            let record = encrypt stream toClient (Array.zeroCreate 200)
            toServer.Give record
            let mutable looks = 1

            while not tls.IsReadable && looks < record.Length do
                looks <- looks + 1

            test <@ looks > record.Length / 10 && looks < record.Length @>
            (read tls 1_000).Length =! 200)

        testCase
            "a goodbye that the peer has no room for is finished later, before the end of the stream"
            (fun () ->
                let tls, toServer, stream, toClient = joined SslProtocols.None
                use _ = tls
                toServer.Capacity <- 3
                tls.TryShutdownSend() =! false
                toServer.IsShutdown =! false
                toServer.Capacity <- Int32.MaxValue
                tls.TryShutdownSend() =! true
                toServer.IsShutdown =! true
                toClient.Give toServer.Written
                let mutable heard = -1
                heard <- stream.ReadByte() // close_notify: an end, though the stream below goes on
                heard =! -1)

        testCase "nothing is written before the handshake, nor after the end" (fun () ->
            let struct (atServer, _) = MemoryTransport.CreatePair()
            let tls = new TlsTransport(atServer)

            Wait.throws<IOException>(fun () -> tls.TryWrite(ReadOnlySpan "x"B) |> ignore)
            |> ignore

            let tls, toServer, _, _ = joined SslProtocols.None
            tls.ShutdownSend()
            let count = toServer.Written.Count
            tls.ShutdownSend()
            toServer.Written.Count =! count
            Wait.throws<IOException>(fun () -> tls.Write(ReadOnlySpan "x"B)) |> ignore
            tls.Dispose()
            tls.Dispose())
    ]
