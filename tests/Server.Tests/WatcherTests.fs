module FunctionalWs.Server.Tests.WatcherTests

open System
open System.Collections.Concurrent
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
    ]
