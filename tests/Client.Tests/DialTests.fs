module FunctionalWs.Client.Tests.DialTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs.Client.Tests.Peers

module private Libc =
    [<DllImport("libc", SetLastError = true)>]
    extern int fcntl(SafeSocketHandle socket, int command, nativeint flags)

let private flags (transport: Transport) =
    Libc.fcntl (transport.PollSocket.SafeHandle, 3, 0n) // F_GETFL

let private nonBlocking = 0x800 // O_NONBLOCK

let private plain = DialSettings()

/// What comes back; nothing from a stream that is broken.
let private echoed' (transport: Transport) (text: string) =
    try
        echoed transport text
    with :? IOException ->
        ""

[<Tests>]
let connecting =
    testList "connecting" [
        testCase "brings a stream both ways, whose ends are known, and small writes leave at once" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serve listener echo
            use transport = openNow plain $"ws://127.0.0.1:{portOf listener}/"
            let remote = transport.RemoteEndPoint
            remote =! listener.LocalEndpoint
            test <@ not (isNull transport.LocalEndPoint) @>
            transport.PollSocket.NoDelay =! true
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer)

        testCase "gives a socket on which the system's own calls wait" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use may = new ManualResetEventSlim()

            let peer =
                serve listener (fun stream ->
                    Wait.forEvent "the word to send" may
                    write stream "late")

            use transport = openNow plain $"ws://127.0.0.1:{portOf listener}/"
            let flags = flags transport
            test <@ flags &&& nonBlocking = 0 @>
            let reading = Wait.start (fun () -> receive transport 4)
            reading.Wait(TimeSpan.FromMilliseconds 200.0) =! false
            may.Set()
            Wait.forTask "what comes late" reading =! "late"
            Wait.forTask "the peer" peer)

        testTheory
            "takes addresses as they are, also without asking for names"
            [ "127.0.0.1"; "[::1]" ]
            (fun host ->
                use listener = listenAt (IPAddress.Parse(host.Trim('[', ']'))) 0
                let peer = serve listener echo

                let settings =
                    DialSettings(Resolve = Func<_, _, _>(fun name _ -> failwith $"asked for {name}"))

                use transport = openNow settings $"ws://{host}:{portOf listener}/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                Wait.forTask "the end" peer)

        testTheory
            "finds localhost on either family, without asking for its name"
            [ "127.0.0.1", "localhost"; "::1", "localhost"; "::1", "a.LOCALHOST." ]
            (fun (address, name) ->
                use listener = listenAt (IPAddress.Parse address) 0
                let peer = serve listener echo

                let settings =
                    DialSettings(Resolve = Func<_, _, _>(fun name _ -> failwith $"asked for {name}"))

                use transport = openNow settings $"ws://{name}:{portOf listener}/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                Wait.forTask "the end" peer)

        testCase "takes an address of IPv4 that is written as one of IPv6 for what it is" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serve listener echo
            use transport = openNow plain $"ws://[::ffff:127.0.0.1]:{portOf listener}/"
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer)

        testCase "names the host, the port and each address with its error when nobody listens" (fun () ->
            let port = closedPort ()
            let settings = DialSettings(Resolve = resolving [ "127.0.0.1"; "127.0.0.2" ])

            let error =
                Wait.throws<SocketException>(fun () ->
                    (openNow settings $"ws://example.test:{port}/").Dispose())

            error.SocketErrorCode =! SocketError.ConnectionRefused

            error.Message
            =! $"There is no connection to example.test:{port}. 127.0.0.1:{port}: Connection refused; 127.0.0.2:{port}: Connection refused.")

        testCase "says what a machine answered, rather than that there is no way to another" (fun () ->
            let port = closedPort ()
            let settings = DialSettings(Resolve = resolving [ "255.255.255.255"; "127.0.0.1" ])

            let error =
                Wait.throws<SocketException>(fun () ->
                    (openNow settings $"ws://example.test:{port}/").Dispose())

            error.SocketErrorCode =! SocketError.ConnectionRefused
            test <@ error.Message.Contains "255.255.255.255" @>)
    ]

[<Tests>]
let racing =
    testList "several addresses" [
        testCase "take turns by family, beginning with the preferred one" (fun () ->
            let order (addresses: string list) =
                addresses
                |> List.map IPAddress.Parse
                |> ResizeArray
                |> HostAddresses.Interleave
                |> Seq.map string
                |> List.ofSeq

            order [ "::1"; "::2"; "::3"; "1.1.1.1"; "2.2.2.2" ]
            =! [ "::1"; "1.1.1.1"; "::2"; "2.2.2.2"; "::3" ]

            order [ "1.1.1.1"; "::1"; "::2" ] =! [ "1.1.1.1"; "::1"; "::2" ]
            order [ "1.1.1.1" ] =! [ "1.1.1.1" ]
            order [] =! [])

        testCase "are tried at once when the one before is refused" (fun () ->
            use listener = listenAt IPAddress.IPv6Loopback 0
            let peer = serve listener echo
            // A clock that stands still: no time passes between the attempts.
            let clock = ManualTimeProvider()

            let settings =
                DialSettings(Clock = clock, Resolve = resolving [ "127.0.0.1"; "127.0.0.2"; "::1" ])

            let opening =
                Wait.start (fun () ->
                    Dialing.Open(
                        uri $"ws://example.test:{portOf listener}/",
                        settings,
                        after clock 10.0,
                        CancellationToken.None
                    ))

            use transport = Wait.forTask "the one that listens" opening
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer)

        testCase
            "are tried 250 ms after one that is silent, the first to answer wins, and the others are closed"
            (fun () ->
                use full = new FullListener()
                use listener = listenAt (IPAddress.Parse "127.0.0.2") full.Port
                let clock = ManualTimeProvider()

                let settings =
                    DialSettings(Clock = clock, Resolve = resolving [ "127.0.0.1"; "127.0.0.2" ])

                let opening =
                    Wait.start (fun () ->
                        Dialing.Open(
                            uri $"ws://example.test:{full.Port}/",
                            settings,
                            after clock 10.0,
                            CancellationToken.None
                        ))

                Wait.until "the first is tried" (fun () -> full.Attempts = 1)
                clock.Advance(TimeSpan.FromMilliseconds 249.0)
                opening.Wait(TimeSpan.FromMilliseconds 100.0) =! false
                listener.Pending() =! false
                clock.Advance(TimeSpan.FromMilliseconds 1.0)
                use transport = Wait.forTask "the second" opening
                let remote = transport.RemoteEndPoint
                remote =! listener.LocalEndpoint
                full.Attempts =! 0)

        testCase "end with a refusal of the last although the first is silent only when time is up" (fun () ->
            use full = new FullListener()
            let clock = ManualTimeProvider()

            let settings =
                DialSettings(Clock = clock, Resolve = resolving [ "127.0.0.1"; "127.0.0.2" ])

            let opening =
                failing<TimeoutException>
                    settings
                    (after clock 10.0)
                    CancellationToken.None
                    $"ws://example.test:{full.Port}/"

            Wait.until "the first is tried" (fun () -> full.Attempts = 1)
            clock.Advance(TimeSpan.FromSeconds 5.0)
            opening.Wait(TimeSpan.FromMilliseconds 100.0) =! false
            clock.Advance(TimeSpan.FromSeconds 5.0)
            let error = Wait.forTask "the end of the time" opening

            error.Message
            =! $"There was no connection to example.test:{full.Port} within 10 s: no answer from 127.0.0.1:{full.Port}; 127.0.0.2:{full.Port}: Connection refused."

            full.Attempts =! 0)

        testCase "are no more than 32, however many a name has" (fun () ->
            let port = closedPort ()
            let many = [ for i in 1..200 -> $"127.0.1.{i}" ]

            let error =
                Wait.throws<SocketException>(fun () ->
                    (openNow (DialSettings(Resolve = resolving many)) $"ws://example.test:{port}/")
                        .Dispose())

            test
                <@
                    error.Message.Contains "127.0.1.32:"
                    && not (error.Message.Contains "127.0.1.33:")
                @>)
    ]

[<Tests>]
let ending =
    testList "an end of waiting" [
        testCase "comes by cancelling while a server is silent, and nothing is left" (fun () ->
            use full = new FullListener()
            use cancellation = new CancellationTokenSource()

            let opening =
                failing<OperationCanceledException>
                    plain
                    never
                    cancellation.Token
                    $"ws://127.0.0.1:{full.Port}/"

            Wait.until "it is tried" (fun () -> full.Attempts = 1)
            cancellation.Cancel()
            let error = Wait.forTask "the end" opening
            error.CancellationToken =! cancellation.Token
            full.Attempts =! 0)

        testCase "comes by the real clock as by one that is told to go on" (fun () ->
            use full = new FullListener()

            let error =
                Wait.throws<TimeoutException>(fun () ->
                    Dialing
                        .Open(
                            uri $"ws://127.0.0.1:{full.Port}/",
                            plain,
                            after TimeProvider.System 0.05,
                            CancellationToken.None
                        )
                        .Dispose())

            error.Message
            =! $"There was no connection to 127.0.0.1:{full.Port} within 0.05 s: no answer from 127.0.0.1:{full.Port}.")

        testCase "comes while a name is looked for, by the clock and by cancelling" (fun () ->
            let search = TaskCompletionSource<IPAddress[]>()
            use asked = new ManualResetEventSlim()
            use cancellation = new CancellationTokenSource()
            let clock = ManualTimeProvider()

            let settings =
                DialSettings(
                    Clock = clock,
                    Resolve =
                        Func<_, _, _>(fun _ _ ->
                            asked.Set()
                            search.Task)
                )

            let opening () =
                asked.Reset()

                let work =
                    failing<Exception> settings (after clock 3.0) cancellation.Token "ws://example.test/"

                Wait.forEvent "the question" asked
                work

            let first = opening ()
            clock.Advance(TimeSpan.FromSeconds 3.0)

            (Wait.forTask "the end of the time" first).Message
            =! "There was no connection to example.test:80 within 3 s: its name was not resolved."

            let second = opening ()
            cancellation.Cancel()
            let error = Wait.forTask "the end" second
            test <@ error :? OperationCanceledException @>)

        testCase "does nothing to a transport that is let go, and ends one that is not" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serve listener echo
            use transport = openNow plain $"ws://127.0.0.1:{portOf listener}/"

            for isReleased in [ true; false ] do
                use cancellation = new CancellationTokenSource()
                let clock = ManualTimeProvider()
                let limit = TimeLimit("example.test", after clock 1.0, cancellation.Token)
                use guard = new TransportGuard(transport, clock, limit)

                if isReleased then
                    guard.TryRelease() =! true

                cancellation.Cancel()
                clock.Advance(TimeSpan.FromSeconds 1.0)
                guard.HasEnded =! not isReleased
                guard.TryRelease() =! false
                echoed' transport "hello" =! (if isReleased then "hello" else "")

            transport.Dispose()
            Wait.forTask "the end" peer)

        testCase "has come when it has passed or was cancelled before" (fun () ->
            let clock = ManualTimeProvider()
            let deadline = after clock 1.0
            clock.Advance(TimeSpan.FromSeconds 1.0)

            Wait.throws<TimeoutException>(fun () ->
                Dialing.Open(uri "ws://127.0.0.1/", plain, deadline, CancellationToken.None).Dispose())
            |> ignore

            Wait.throws<OperationCanceledException>(fun () ->
                Dialing.Open(uri "ws://127.0.0.1/", plain, never, CancellationToken true).Dispose())
            |> ignore)
    ]

[<Tests>]
let names =
    testList "a name" [
        testCase "that has no address is told as such" (fun () ->
            let failing (error: SocketError) =
                Func<_, _, _>(fun _ _ -> Task.FromException<IPAddress[]>(SocketException(int error)))

            for resolve, code in
                [
                    failing SocketError.HostNotFound, SocketError.HostNotFound
                    failing SocketError.TryAgain, SocketError.TryAgain
                    resolving [], SocketError.NoData
                ] do
                let error =
                    Wait.throws<SocketException>(fun () ->
                        (openNow (DialSettings(Resolve = resolve)) "ws://example.test/").Dispose())

                error.SocketErrorCode =! code
                test <@ error.Message.StartsWith "The name 'example.test' can't be resolved: " @>)

        testCase "that is too long for one is told as such, also on the way to a proxy of SOCKS" (fun () ->
            let name = String.Join('.', List.replicate 5 (String('a', 60)))

            let dial settings =
                Wait.throws<SocketException>(fun () -> (openNow settings $"ws://{name}/").Dispose())

            let error = dial plain
            error.SocketErrorCode =! SocketError.HostNotFound
            test <@ error.Message.StartsWith $"The name '{name}' can't be resolved: " @>
            use listener = listenAt IPAddress.Loopback 0
            let peer = serve listener awaitEnd

            let error =
                dial (DialSettings(Proxy = WebProxy(Uri $"socks5://127.0.0.1:{portOf listener}")))

            error.Message =! "The host's name has 304 bytes; SOCKS takes 255."
            Wait.forTask "the end" peer)

        testCase "is looked for by the system" (fun () ->
            let error =
                Wait.throws<SocketException>(fun () -> (openNow plain "ws://nowhere.invalid/").Dispose())

            test <@ error.Message.StartsWith "The name 'nowhere.invalid' can't be resolved: " @>)
    ]
