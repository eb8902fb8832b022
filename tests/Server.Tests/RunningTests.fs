/// A server as all of a program: its port, its log on the console, and the start that is forgotten.
module FunctionalWs.Server.Tests.RunningTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Logging.Abstractions
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private serving (options: ServerOptions) =
    Server.Serve(echo, "127.0.0.1", 0, options)

/// What is written to standard error meanwhile. Not for tests side by side.
let private writing (work: unit -> unit) : string =
    let before = Console.Error
    use written = new StringWriter()

    try
        Console.SetError(TextWriter.Synchronized written)
        work ()
    finally
        Console.SetError before

    written.ToString()

[<Tests>]
let ports =
    testList "Port" [
        testCase "is the one that was free" (fun () ->
            use server = serving defaults
            server.Port =! (server.LocalEndPoint :?> IPEndPoint).Port
            server.Dispose()
            test <@ server.Port > 0 @>)

        testCase "is none of a Unix socket's" (fun () ->
            let path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
            use server = Server.UnixServe(echo, path)

            let error = Wait.throws<InvalidOperationException>(fun () -> server.Port |> ignore)

            test <@ error.Message.Contains(path, StringComparison.Ordinal) @>)
    ]

[<Tests>]
let forgotten =
    testList "a server that nobody has started" [
        testCase "says so once when a client waits" (fun () ->
            let clock = ManualTimeProvider()
            let records = new Records()
            use server = serving (ServerOptions(TimeProvider = clock, LoggerFactory = records))
            clock.Advance(TimeSpan.FromSeconds 20.0)

            records.Of LogLevel.Warning |> List.filter (fun (struct (_, id, _)) -> id = 16)
            =! []

            use client = new TcpClient()
            client.Connect(server.LocalEndPoint :?> IPEndPoint)

            for _ in 1..3 do
                clock.Advance(TimeSpan.FromSeconds 5.0)

            match records.Of LogLevel.Warning |> List.filter (fun (struct (_, id, _)) -> id = 16) with
            | [ struct (_, _, text) ] ->
                test <@ text.Contains(string server.LocalEndPoint, StringComparison.Ordinal) @>
            | other -> failwith $"{other}")

        testCase "says nothing once it is started, or disposed of" (fun () ->
            let clock = ManualTimeProvider()
            let records = new Records()
            use started = serving (ServerOptions(TimeProvider = clock, LoggerFactory = records))
            started.Start()
            use ended = serving (ServerOptions(TimeProvider = clock, LoggerFactory = records))
            ended.Dispose()
            clock.Advance(TimeSpan.FromMinutes 1.0)
            records.All |> List.filter (fun (struct (_, id, _)) -> id = 16) =! [])
    ]

[<Tests>]
let consoles =
    testSequenced
    <| testList "a log on the console" [
        testCase "has what a handler throws by default, with its client" (fun () ->
            let mutable client = ""

            let written =
                writing (fun () ->
                    use server =
                        InMemoryServer.Serve(
                            Action<ServerConnection>(fun _ -> invalidOp "my own mistake"),
                            ServerOptions()
                        )

                    use connected = server.Connect()
                    client <- string (connected.WaitClosed()))

            test <@ written.Contains("my own mistake", StringComparison.Ordinal) @>

            test
                <@
                    written.StartsWith(
                        "error: FunctionalWs.Server[24]: The handler of connection ",
                        StringComparison.Ordinal
                    )
                @>)

        testCase
            "is no place where a peer can write: what an exception quotes is escaped, and bounded"
            (fun () ->
                let written =
                    writing (fun () ->
                        use server =
                            InMemoryServer.Serve(
                                Action<ServerConnection>(fun connection ->
                                    raise (FormatException $"not a number: {connection.ReceiveText()}"))
                            )

                        use connected = server.Connect()

                        connected.Send(
                            "\u001b[2J\u202e\nerror: FunctionalWs.Server[24]: forged" + String('x', 100_000)
                        )

                        connected.WaitClosed() |> ignore)

                test <@ written.Contains("\\u001B[2J\\u202E", StringComparison.Ordinal) @>
                test <@ not (written.Contains '\u001b') && written.Length < 17_000 @>

                written.Split '\n'
                |> Array.filter (fun line -> line.StartsWith("error: ", StringComparison.Ordinal))
                |> Array.length
                =! 1)

        testCase "has each connection if it is asked for, and nothing if nothing is" (fun () ->
            let lines (factory: ILoggerFactory) =
                writing (fun () ->
                    use server = InMemoryServer.Serve(echo, ServerOptions(LoggerFactory = factory))
                    use connected = server.Connect()
                    connected.Close() |> ignore)

            let told = lines ConsoleLog.Information

            test
                <@
                    told.Contains(
                        "information: FunctionalWs.Server[20]: Connection ",
                        StringComparison.Ordinal
                    )
                @>

            test <@ not (told.Contains("debug: ", StringComparison.Ordinal)) @>
            test <@ (lines ConsoleLog.Everything).Contains("debug: ", StringComparison.Ordinal) @>
            lines ConsoleLog.Warnings =! ""
            lines NullLoggerFactory.Instance =! "")
    ]

[<Tests>]
let mistakes =
    testList "a mistake is named" [
        testCase "Start after Dispose" (fun () ->
            let server = serving defaults
            server.Dispose()
            Wait.throws<ObjectDisposedException>(fun () -> server.Start()) |> ignore
            server.ServeForever()
            server.Run() =! 0)

        testCase "TrustUnixPeers on TCP" (fun () ->
            let error =
                Wait.throws<ArgumentException>(fun () ->
                    (serving (ServerOptions(TrustUnixPeers = true))).Dispose())

            test <@ error.Message.StartsWith "TrustUnixPeers is for a server on a Unix socket" @>)

        testCase "Respond in a handler" (fun () ->
            let server, outcome =
                defaults |> handling (fun connection -> connection.Respond(200, "x"))

            use _ = server
            use _ = client server
            test <@ (fails outcome).Message.StartsWith "The connection is open" @>)

        testCase "a certificate that has expired" (fun () ->
            let records = new Records()
            let tls = Tls.options ()
            let clock = ManualTimeProvider(DateTimeOffset.UtcNow + TimeSpan.FromDays 40_000.0)

            use server =
                serving (ServerOptions(TimeProvider = clock, LoggerFactory = records, Ssl = tls.Ssl))

            use _ = serving (ServerOptions(LoggerFactory = records, Ssl = tls.Ssl))

            match records.Of LogLevel.Warning with
            | [ struct (_, id, text) ] ->
                id =! 17
                test <@ text.StartsWith "The certificate of CN=" @>
            | other -> failwith $"{other}")
    ]
