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

let private serve (endPoints: EndPoint list) (options: ServerOptions) =
    let server =
        Server.Serve(Action<ServerConnection> Serve.echo, List<EndPoint> endPoints, options)

    server.Start()
    server

let private unixServe (path: string) (options: ServerOptions) =
    let server = Server.UnixServe(Action<ServerConnection> Serve.echo, path, options)
    server.Start()
    server

let private isServed (endPoint: EndPoint) =
    use client = new PeerClient(Tls.connectTo endPoint)
    client.ShakeHands()
    client.SendText "hello"
    client.ReadText() =! "hello"

let private port (endPoint: EndPoint) = (endPoint :?> IPEndPoint).Port

let private loopback port : EndPoint = IPEndPoint(IPAddress.Loopback, port)

let private loopback6 port : EndPoint =
    IPEndPoint(IPAddress.IPv6Loopback, port)

let private unix (path: string) : EndPoint = UnixDomainSocketEndPoint path

let private refused (endPoint: EndPoint) =
    let error = Wait.throws<SocketException>(fun () -> Tls.connectTo endPoint |> ignore)
    error.SocketErrorCode =! SocketError.ConnectionRefused

/// A folder that is gone after the test.
type private Folder() =
    let path = Directory.CreateTempSubdirectory("functionalws-").FullName
    member _.Path(name: string) = Path.Combine(path, name)

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)

let private defaults = ServerOptions()

[<Tests>]
let tcp =
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

            server.LocalEndPoints.Count =! 4
            server.LocalEndPoint =! server.LocalEndPoints[0]

            for endPoint in server.LocalEndPoints do
                isServed endPoint

            server.Shutdown() =! 0

            for endPoint in Seq.take 3 server.LocalEndPoints do
                refused endPoint

            File.Exists(folder.Path "s") =! false)

        testCase "ServeForever accepts on all of them" (fun () ->
            use server =
                Server.Serve(Action<ServerConnection> Serve.echo, List<EndPoint> [ loopback 0; loopback6 0 ])

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

        testCase "an address that the machine does not have, and a name that nobody has, are named" (fun () ->
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

                test <@ error.ParamName.StartsWith "endPoint" @>)
    ]

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

[<Tests>]
let unixSockets =
    testList "listening on a Unix socket" [
        testCase "clients are served, and the file goes with the server" (fun () ->
            use folder = new Folder()
            use server = unixServe (folder.Path "s") defaults
            isServed server.LocalEndPoint
            $"{server.LocalEndPoint}" =! folder.Path "s"
            server.Shutdown() =! 0
            File.Exists(folder.Path "s") =! false)

        testCase "TLS goes over it, too" (fun () ->
            use folder = new Folder()
            use server = unixServe (folder.Path "s") (Tls.options ())
            use client = Tls.connect server
            client.ShakeHands()
            client.SendText "secret"
            client.ReadText() =! "secret")

        testCase "the file that a dead server left is replaced" (fun () ->
            use folder = new Folder()
            let path = folder.Path "s"

            let dead =
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

            dead.Bind(unix path)
            dead.Listen()
            // Ended as by a kill: the platform's object would remove the file.
            let handle = dead.SafeHandle.DangerousGetHandle()
            dead.SafeHandle.SetHandleAsInvalid()
            GC.SuppressFinalize dead
            (new SafeSocketHandle(handle, true)).Dispose()
            File.Exists path =! true
            use server = unixServe path defaults
            isServed server.LocalEndPoint)

        testCase "a server that lives keeps its path" (fun () ->
            use folder = new Folder()
            use first = unixServe (folder.Path "s") defaults

            let error =
                Wait.throws<SocketException>(fun () -> unixServe (folder.Path "s") defaults |> ignore)

            error.SocketErrorCode =! SocketError.AddressAlreadyInUse
            test <@ error.Message.Contains(folder.Path "s") @>
            isServed first.LocalEndPoint)

        testCase "a server whose backlog is full lives, too" (fun () ->
            use folder = new Folder()
            // It listens and has not been started.
            use full =
                Server.UnixServe(
                    Action<ServerConnection> ignore,
                    folder.Path "s",
                    ServerOptions(Backlog = 1)
                )

            let waiting = [ for _ in 1..2 -> Tls.connectTo full.LocalEndPoint ]

            Wait.throws<SocketException>(fun () -> unixServe (folder.Path "s") defaults |> ignore)
            |> ignore

            File.Exists(folder.Path "s") =! true

            for client in waiting do
                client.Dispose())

        testTheory
            "what is no socket is left alone"
            [ "a file"; "a folder"; "a link to a socket that is gone" ]
            (fun what ->
                use folder = new Folder()
                let path = folder.Path "s"

                match what with
                | "a file" -> File.WriteAllText(path, "precious")
                | "a folder" -> Directory.CreateDirectory path |> ignore
                | _ -> File.CreateSymbolicLink(path, folder.Path "gone") |> ignore

                let error =
                    Wait.throws<SocketException>(fun () -> unixServe path defaults |> ignore)

                test <@ error.Message.Contains path @>

                match what with
                | "a file" -> File.ReadAllText path =! "precious"
                | "a folder" -> Directory.Exists path =! true
                | _ -> FileInfo(path).LinkTarget =! folder.Path "gone")

        testCase "a folder that is not there is an error that names the path" (fun () ->
            use folder = new Folder()
            let path = folder.Path "none/s"

            let error =
                Wait.throws<SocketException>(fun () -> unixServe path defaults |> ignore)

            test <@ error.Message.Contains path @>)

        testCase
            "the file is gone while serving: those who are there stay, and the shutdown is in order"
            (fun () ->
                use folder = new Folder()
                use server = unixServe (folder.Path "s") defaults
                use client = new PeerClient(Tls.connectTo server.LocalEndPoint)
                client.ShakeHands()
                File.Delete(folder.Path "s")
                client.SendText "hello"
                client.ReadText() =! "hello")

        testCase "another server's file at the path is left at the shutdown" (fun () ->
            use folder = new Folder()
            let first = unixServe (folder.Path "s") defaults
            File.Delete(folder.Path "s")
            use second = unixServe (folder.Path "s") defaults
            first.Shutdown() =! 0
            isServed second.LocalEndPoint
            File.Delete(folder.Path "s")
            File.WriteAllText(folder.Path "s", "precious")
            second.Shutdown() =! 0
            File.ReadAllText(folder.Path "s") =! "precious")

        testCase "the file has the permissions that were asked for" (fun () ->
            use folder = new Folder()

            let mode =
                UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.GroupWrite

            use _ = unixServe (folder.Path "s") (ServerOptions(UnixSocketMode = mode))
            File.GetUnixFileMode(folder.Path "s") =! mode)

        testCase "a path has 107 bytes at most" (fun () ->
            use folder = new Folder()

            let ofLength (length: int) =
                folder.Path(String('é', 1)).PadRight(length - 1, 's')

            use server = unixServe (ofLength 107) defaults
            isServed server.LocalEndPoint

            let error =
                Wait.throws<ArgumentException>(fun () -> unixServe (ofLength 108) defaults |> ignore)

            test <@ error.ParamName = "path" && error.Message.Contains(ofLength 108) @>

            Wait.throws<ArgumentException>(fun () -> unixServe "" defaults |> ignore)
            |> ignore)

        testCase "an abstract address has no file" (fun () ->
            let name = $"\000functionalws-{Guid.NewGuid()}"
            use server = unixServe name defaults
            isServed (unix name)
            server.Shutdown() =! 0
            refused (unix name))

        testCase "thousands of clients that leave at once hold up nobody, without TLS and with it" (fun () ->
            for ssl in [ null; Tls.ssl () ] do
                use folder = new Folder()
                use records = new Records()

                use server =
                    unixServe (folder.Path "s") (ServerOptions(Ssl = ssl, LoggerFactory = records))

                for _ in 1..2_000 do
                    (Tls.connectTo server.LocalEndPoint).Dispose()

                use late =
                    if isNull ssl then
                        new PeerClient(Tls.connectTo server.LocalEndPoint)
                    else
                        Tls.connect server

                late.ShakeHands()
                late.SendText "still there"
                late.ReadText() =! "still there"
                test <@ records.Of LogLevel.Error = [] && records.Of LogLevel.Warning = [] @>)
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
