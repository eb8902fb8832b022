module FunctionalWs.Server.Tests.ListeningTests

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Sockets
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Listening

let private serve (endPoints: EndPoint list) (options: ServerOptions) =
    let server =
        Server.Serve(Action<ServerConnection> Serve.echo, List<EndPoint> endPoints, options)

    server.Start()
    server

let private port (endPoint: EndPoint) = (endPoint :?> IPEndPoint).Port

let private loopback port : EndPoint = IPEndPoint(IPAddress.Loopback, port)

let private loopback6 port : EndPoint =
    IPEndPoint(IPAddress.IPv6Loopback, port)

let private defaults = ServerOptions()

[<Tests>]
let tcp =
    // Alone: each port is this test's, on both families.
    testSequenced (
        testList "listening on TCP" [
            testCase "an IPv6 address" (fun () ->
                use server = serve [ loopback6 0 ] defaults
                isServed server.LocalEndPoint
                refused (loopback (port server.LocalEndPoint)))

            testTheory "no host stands for all addresses of both families" [ null; "" ] (fun host ->
                use server = Server.Serve(Action<ServerConnection> Serve.echo, host, 0)
                server.Start()
                isServed (loopback (port server.LocalEndPoint))
                isServed (loopback6 (port server.LocalEndPoint)))

            testCase "an IPv4 client of a socket for both families is shown with its IPv4 address" (fun () ->
                let found = Threading.Tasks.TaskCompletionSource<ServerConnection>()
                use server = Server.Serve(found.SetResult, null, 0)
                server.Start()
                use client = new PeerClient(Tls.connectTo (loopback (port server.LocalEndPoint)))
                client.ShakeHands()
                let connection = Wait.forTask "the connection" found.Task
                (connection.RemoteEndPoint :?> IPEndPoint).Address =! IPAddress.Loopback
                (connection.LocalEndPoint :?> IPEndPoint).Address =! IPAddress.Loopback)

            testCase "without the dual stack :: is for IPv6 alone" (fun () ->
                use server =
                    serve [ IPEndPoint(IPAddress.IPv6Any, 0) ] (ServerOptions(DualStack = false))

                isServed (loopback6 (port server.LocalEndPoint))
                refused (loopback (port server.LocalEndPoint)))

            testCase "several addresses of several kinds, all ended by the shutdown" (fun () ->
                use folder = new Folder()

                use server =
                    serve
                        [ loopback 0; loopback6 0; DnsEndPoint("localhost", 0); unix (folder.Path "s") ]
                        defaults

                server.LocalEndPoints.Count =! 5 // localhost is two
                server.LocalEndPoint =! server.LocalEndPoints[0]

                for endPoint in server.LocalEndPoints do
                    isServed endPoint

                server.Shutdown() =! 0

                for endPoint in Seq.take 4 server.LocalEndPoints do
                    refused endPoint

                File.Exists(folder.Path "s") =! false)

            testCase "ServeForever accepts on all of them" (fun () ->
                use server =
                    Server.Serve(
                        Action<ServerConnection> Serve.echo,
                        List<EndPoint> [ loopback 0; loopback6 0 ]
                    )

                let serving = Wait.start server.ServeForever

                for endPoint in server.LocalEndPoints do
                    isServed endPoint

                server.Shutdown() =! 0
                Wait.forTask "the end of ServeForever" serving)

            testCase "two servers share a port when both say so" (fun () ->
                let options = ServerOptions(ReusePort = true)
                use first = serve [ loopback 0 ] options
                use second = serve [ loopback (port first.LocalEndPoint) ] options
                second.LocalEndPoint =! first.LocalEndPoint
                first.Shutdown() |> ignore
                isServed second.LocalEndPoint)

            testCase "an address in use is named, and the other addresses are free again" (fun () ->
                use taken = serve [ loopback 0 ] defaults

                use other =
                    new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp)

                other.Bind(loopback6 0)
                let free = port other.LocalEndPoint
                other.Dispose()

                let error =
                    Wait.throws<SocketException>(fun () ->
                        serve [ loopback6 free; taken.LocalEndPoint ] defaults |> ignore)

                error.SocketErrorCode =! SocketError.AddressAlreadyInUse
                test <@ error.Message.Contains $"{taken.LocalEndPoint}" @>
                use server = serve [ loopback6 free ] defaults
                isServed server.LocalEndPoint)

            testCase "a server that can't be made for another reason leaves its address free" (fun () ->
                let failing = {
                    new ILoggerFactory with
                        member _.CreateLogger(_: string) : ILogger = failwith "as asked for"
                        member _.AddProvider _ = ()
                        member _.Dispose() = ()
                }

                use other = serve [ loopback 0 ] defaults
                let free = port other.LocalEndPoint
                other.Shutdown() |> ignore

                Wait.throws<Exception>(fun () ->
                    serve [ loopback free ] (ServerOptions(LoggerFactory = failing)) |> ignore)
                |> ignore

                use server = serve [ loopback free ] defaults
                isServed server.LocalEndPoint)

            testCase
                "an address that the machine does not have, and a name that nobody has, are named"
                (fun () ->
                    for host in [ "192.0.2.1"; "nobody.invalid" ] do
                        let error =
                            Wait.throws<SocketException>(fun () ->
                                Server.Serve(Action<ServerConnection> ignore, host, 0) |> ignore)

                        test <@ error.Message.Contains host @>)

            testCase "no address, and one of an unknown kind, are refused" (fun () ->
                let other = {
                    new EndPoint() with
                        override _.ToString() = "somewhere"
                }

                for endPoints in [ []; [ other ] ] do
                    let error =
                        Wait.throws<ArgumentException>(fun () -> serve endPoints defaults |> ignore)

                    test <@ error.ParamName.StartsWith("endPoint", StringComparison.Ordinal) @>)
        ]
    )

[<Tests>]
let adopted =
    testList "listening on sockets that are there" [
        testTheory "bound, or listening already" [ false; true ] (fun isListening ->
            use folder = new Folder()

            for endPoint in [ loopback 0; loopback6 0; unix (folder.Path "s") ] do
                let kind =
                    if endPoint.AddressFamily = AddressFamily.Unix then
                        ProtocolType.Unspecified
                    else
                        ProtocolType.Tcp

                let socket = new Socket(endPoint.AddressFamily, SocketType.Stream, kind)
                socket.Bind endPoint

                if isListening then
                    socket.Listen()

                use server = Server.Serve(Action<ServerConnection> Serve.echo, socket)
                server.Start()
                isServed server.LocalEndPoint)

        testTheory
            "what systemd announces counts when it is meant for this process"
            [
                "7", "2", 2
                "7", "0", 0
                "8", "2", 0
                null, "2", 0
                "7", null, 0
                "7", "-1", 0
                "7", " 2", 0
                "7", "x", 0
                "7", "513", 0
                "7", "99999999999", 0
                "", "", 0
            ]
            (fun (pid, fds, count) -> SystemdSockets.Count(7, pid, fds) =! count)

        testCase "without systemd there is an error" (fun () ->
            Wait.throws<InvalidOperationException>(fun () ->
                Server.SystemdServe(Action<ServerConnection> ignore) |> ignore)
            |> ignore)
    ]

/// What passes a listening socket on as systemd does: as descriptor 3, with the number of the process.
let private activation =
    "import os, socket, sys\n"
    + "s = socket.create_server(('127.0.0.1', 0))\n"
    + "os.dup2(s.fileno(), 3)\n"
    + "os.set_inheritable(3, True)\n"
    + "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
    + "os.execvp(sys.argv[1], sys.argv[1:])\n"

[<Tests>]
let activated =
    let testPython = Programs.testIf "Python" (Programs.find "python3").IsSome

    testList "listening on a socket of systemd" [
        testPython "a process takes the socket that it was started with" (fun () ->
            use sample =
                new EchoSampleTests.Sample([ "--systemd" ], wrapper = [ "python3"; "-c"; activation ])

            let line = sample.ReadLine()
            let endPoint = IPEndPoint.Parse(line.Replace("listening on ws://", "").TrimEnd '/')
            isServed endPoint
            sample.Signal "TERM"
            sample.Exit() =! (0, ""))
    ]
