module FunctionalWs.Server.Tests.WatcherTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Net.Sockets
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing

/// A stream that counts how often it is asked whether it can be read: once for each look of the watcher while its handler
/// is elsewhere.
type private WatchedTransport(inner: Transport) =
    inherit DelegatingTransport(inner)
    let mutable looks = 0
    member _.Looks = Volatile.Read &looks

    override _.IsReadable =
        Interlocked.Increment &looks |> ignore
        inner.IsReadable

    override _.Read destination = inner.Read destination

let private connect (server: Server) : WatchedTransport =
    let struct (atServer, atClient) = MemoryTransport.CreatePair()
    let transport = new WatchedTransport(atServer)
    server.Admit transport
    (new PeerClient(atClient)).ShakeHands()
    transport

[<Tests>]
let urgent =
    testList "the watcher" [
        testCase "looks in quick succession at what is urgent, and not at everybody" (fun () ->
            use leave = new ManualResetEventSlim(false)
            let opened = new BlockingCollection<ServerConnection>()

            use server =
                Serve.defaults
                |> Serve.inMemory (fun connection ->
                    opened.Add connection
                    Wait.forEvent "leave to go" leave)

            let quiet = connect server
            let idle = opened.Take()
            let urgent = connect server
            let connection = opened.Take()
            let quietBefore, urgentBefore = quiet.Looks, urgent.Looks
            // Its peer doesn't answer.
            let closing = Wait.start (fun () -> connection.Close())
            Wait.until "it was looked at" (fun () -> urgent.Looks >= urgentBefore + 40)
            (quiet.Looks - quietBefore) * 2 <=! urgent.Looks - urgentBefore

            for each in [ idle; connection ] do
                each.Abort(IO.IOException "enough")

            leave.Set()
            Wait.forTask "the closing" closing)

        testCase "asks about any number of sockets, and has those that can be read in their order" (fun () ->
            let pair () =
                use listener = new Socket(SocketType.Stream, ProtocolType.Tcp)
                listener.Bind(Net.IPEndPoint(Net.IPAddress.IPv6Loopback, 0))
                listener.Listen 1
                let client = new Socket(SocketType.Stream, ProtocolType.Tcp)
                client.Connect listener.LocalEndPoint
                client, listener.Accept()

            let silent, one = pair ()
            let speaking, other = pair ()
            use _ = silent
            use _ = speaking
            use _ = one
            use _ = other
            speaking.Send [| 1uy |] |> ignore
            Wait.until "it can be read" (fun () -> other.Available = 1)
            // More than .NET asks about at once: 65,536.
            let sockets =
                List(Seq.init 70_000 (fun index -> if index % 10_000 = 0 then other else one))

            ReadableSockets.Select sockets
            List.ofSeq sockets =! List.replicate 7 other)
    ]
