module FunctionalWs.Server.Tests.UnixSocketTests

open System
open System.IO
open System.Net.Sockets
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Listening

let private defaults = ServerOptions()

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

        testCase "what stands in the way is named" (fun () ->
            use folder = new Folder()
            File.WriteAllText(folder.Path "file", "mine")

            for path, reason in
                [
                    Path.Combine(folder.Path "none", "s"), "there is no folder " + folder.Path "none"
                    folder.Path "file", "there is a file already, which is no socket"
                    folder.Path ".", "it is a folder"
                ] do
                let error =
                    Wait.throws<SocketException>(fun () -> (unixServe path defaults).Dispose())

                test
                    <@
                        error.Message.Contains($"Can't listen on {path}: ", StringComparison.Ordinal)
                        && error.Message.EndsWith(reason, StringComparison.Ordinal)
                    @>

            File.ReadAllText(folder.Path "file") =! "mine")

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
