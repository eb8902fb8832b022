module FunctionalWs.Client.Tests.UnixDialTests

open System
open System.IO
open System.Net.Sockets
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs.Client.Tests.Peers

let private newPath () =
    Path.Combine(Path.GetTempPath(), $"fws-{Guid.NewGuid():N}.sock")

let private listen (path: string) (backlog: int) : Socket =
    let socket =
        new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

    socket.Bind(UnixDomainSocketEndPoint path)
    socket.Listen backlog
    socket

[<Tests>]
let unixSockets =
    testList "a Unix domain socket" [
        testTheory "is connected to, whatever the host" [ "file"; "abstract" ] (fun kind ->
            let path =
                if kind = "file" then
                    newPath ()
                else
                    $"\000fws-{Guid.NewGuid():N}"

            use listener = listen path 8

            let peer =
                Wait.start (fun () ->
                    use client = listener.Accept()
                    use stream = new NetworkStream(client)
                    echo stream)

            try
                use transport = openNow (DialSettings(UnixPath = path)) "ws://example.test/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                Wait.forTask "the end" peer
            finally
                File.Delete(if kind = "file" then path else newPath ()))

        testCase "that nobody listens on is told by its path, and why" (fun () ->
            let path = newPath ()

            let dial () =
                Wait.throws<SocketException>(fun () ->
                    (openNow (DialSettings(UnixPath = path)) "ws://example.test/").Dispose())

            dial().Message
            =! $"There is no connection to the Unix socket {path}: There is no such file."

            File.WriteAllText(path, "") // a file, as a server that has crashed leaves one

            try
                let error = dial ()
                error.SocketErrorCode =! SocketError.ConnectionRefused

                error.Message
                =! $"There is no connection to the Unix socket {path}: Connection refused."
            finally
                File.Delete path)

        testCase "whose path is too long is told the range" (fun () ->
            let error =
                Wait.throws<ArgumentOutOfRangeException>(fun () ->
                    (openNow (DialSettings(UnixPath = String('a', 200))) "ws://example.test/").Dispose())

            test <@ error.Message.Contains "108" @>)

        testCase
            "whose queue is full is waited for: until there is room, until time is up, until it is cancelled"
            (fun () ->
                let path = newPath ()
                use listener = listen path 0

                let fillers =
                    List.init 4 (fun _ ->
                        let socket =
                            new Socket(
                                AddressFamily.Unix,
                                SocketType.Stream,
                                ProtocolType.Unspecified,
                                Blocking = false
                            )

                        try
                            socket.Connect(UnixDomainSocketEndPoint path)
                        with :? SocketException ->
                            ()

                        socket)

                try
                    let clock = ManualTimeProvider()
                    let settings = DialSettings(UnixPath = path, Clock = clock)

                    let opening (cancellation: CancellationToken) =
                        Wait.start (fun () ->
                            Dialing.Open(uri "ws://example.test/", settings, after clock 2.0, cancellation))

                    let ends (work: unit -> unit) =
                        Wait.throws<AggregateException>(work).InnerException

                    let late = opening CancellationToken.None
                    late.Wait(TimeSpan.FromMilliseconds 100.0) =! false
                    clock.Advance(TimeSpan.FromSeconds 2.0)

                    (ends (fun () -> (Wait.forTask "the end of the time" late).Dispose())).Message
                    =! $"There was no connection to the Unix socket {path} within 2 s: its queue is full."

                    use cancellation = new CancellationTokenSource()
                    let unwanted = opening cancellation.Token
                    cancellation.Cancel()
                    let error = ends (fun () -> (Wait.forTask "the end" unwanted).Dispose())
                    test <@ error :? OperationCanceledException @>

                    let patient = opening CancellationToken.None
                    patient.Wait(TimeSpan.FromMilliseconds 100.0) =! false
                    listener.Accept().Dispose()
                    (Wait.forTask "room" patient).Dispose()
                finally
                    fillers |> List.iter _.Dispose()
                    File.Delete path)
    ]
