module FunctionalWs.Server.Tests.LogTests

open System
open System.Collections.Concurrent
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

/// Event id and level of every record that there can be.
let private events =
    typeof<Server>.Assembly.GetTypes()
    |> Array.collect
        _.GetMethods(
            BindingFlags.Instance
            ||| BindingFlags.Static
            ||| BindingFlags.Public
            ||| BindingFlags.NonPublic
        )
    |> Array.choose (fun method -> Option.ofObj (method.GetCustomAttribute<LoggerMessageAttribute>()))
    |> Array.map (fun event -> event.EventId, event.Level)
    |> Array.toList

/// A logger that no level is on for.
type private Off() =
    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled _ = false
        member _.Log(_, _, _, _, _) = failwith "a record was made"

    interface ILoggerFactory with
        member logger.CreateLogger(_: string) = logger :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

[<Tests>]
let logging =
    testList "logging" [
        testCase "every event id means one thing" (fun () ->
            let ids = events |> List.map fst
            ids |> List.countBy id |> List.filter (fun (_, count) -> count > 1) =! []
            test <@ ids.Length > 20 @>)

        testCase "the documentation lists every event with its level, and no other" (fun () ->
            let documented =
                File.ReadAllLines(Path.Combine(Programs.root, "docs", "logging.md"))
                |> Array.map (fun line -> Regex.Match(line, @"^\| (\d+) \| (\w+) \|"))
                |> Array.filter _.Success
                |> Array.map (fun found ->
                    int found.Groups[1].Value, Enum.Parse<LogLevel> found.Groups[2].Value)
                |> Array.toList

            documented =! List.sortBy fst events)

        testCase "nothing is made of a record whose level is off" (fun () ->
            use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = new Off()))
            use client = client server
            client.SendText "quiet"
            client.ReadText() =! "quiet"
            client.SendClose 1000
            client.Read() |> ignore
            client.Read() =! End)

        testCase "records of a connection tell which, also those of the watcher" (fun () ->
            let records = new ScopedRecords(LogLevel.Trace)
            let clock = FakeClock()

            let _, client, connection, release =
                connected (ServerOptions(LoggerFactory = records, TimeProvider = clock))

            use _ = release
            client.SendPing "p"B // answered by the watcher: the handler is busy
            client.Read() |> ignore
            client.SendClose 1000
            client.Read() |> ignore
            connection.WaitClosed Wait.limit =! true

            let ofFrames () =
                records.All |> List.filter (fun record -> record.Id = 40 || record.Id = 41)

            let id = string connection.Id
            Wait.until "two frames each way are told" (fun () -> ofFrames().Length >= 4)
            let ofFrames = ofFrames ()
            test <@ ofFrames |> List.forall (fun record -> record.Scope.Contains id) @>)

        for name, act in
            [
                "by the peer", (fun (client: PeerClient) -> client.SendClose 1000)
                "without a word", (fun client -> client.Transport.Abort())
                "by a broken rule", (fun client -> client.Write [| 0x83uy; 0x80uy |])
            ] do
            testCase $"a connection that ends {name} leaves one record that says so" (fun () ->
                let records = new Records()

                use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = records))

                let peer = client server
                act peer

                let closed () =
                    records.All |> List.filter (fun (struct (_, id, _)) -> id = 21)

                Wait.until "the client is told" (fun () -> peer.Transport.IsReadable)
                peer.Transport.Abort()
                Wait.until "the record is there" (fun () -> closed().Length = 1)
                server.Shutdown() =! 0
                closed().Length =! 1)

        testCase "the peer's reason is escaped" (fun () ->
            let records = new Records()

            use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = records))

            use client = client server

            client.WriteFrame(
                true,
                Opcode.Close,
                CloseStatus.Create(CloseCode.NormalClosure, "a\r\nb\u001b[31m\u2028").ToArray()
            )

            client.Read() |> ignore

            Wait.until "the record is there" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 21))

            let texts = records.All |> List.map (fun (struct (_, _, text)) -> text)
            test <@ texts |> List.exists _.Contains("a\\u000D\\u000Ab\\u001B[31m\\u2028") @>

            test
                <@
                    texts
                    |> List.forall (fun text -> not (text.Contains '\n') && not (text.Contains '\u001b'))
                @>)
    ]
