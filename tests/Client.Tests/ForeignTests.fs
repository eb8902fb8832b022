/// The client with servers that no one here wrote.
module FunctionalWs.Client.Tests.ForeignTests

open System
open System.IO
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Client.Tests.ForeignServers

let private megabyte = 1024 * 1024

let private withCompression (deflate: PerMessageDeflate) =
    ClientOptions(Proxy = null, MaxMessageSize = Nullable(32 * megabyte), Compression = deflate)

let private plain = withCompression null

let private connect (server: Foreign) (path: string) (options: ClientOptions) : ClientConnection =
    Client.Connect($"ws://{server.Authority.Value}{path}", options)

/// Bytes that compress a little, and refer far back.
let private bytes (size: int) : byte[] =
    let random = Random 7
    let noise = Array.zeroCreate<byte>(size / 3 + 1)
    random.NextBytes noise
    Array.init size (fun index -> noise[index % noise.Length])

let private characters (size: int) : string =
    String.init (size / 8) (fun index -> $"{index % 1000:D4}é, ")
    + String('x', size % 8)

/// Sent while it is received: what comes back may be more than what lies between.
let private echoed (connection: ClientConnection) (data: byte[]) =
    let sending = Wait.start (fun () -> connection.Send(ReadOnlySpan data))
    let received = connection.Receive(Nullable Wait.limit)
    Wait.forTask "the sending" sending
    received.Kind =! MessageKind.Binary
    let same = received.Data.Span.SequenceEqual(ReadOnlySpan data)
    test <@ same @>

let private echoedText (connection: ClientConnection) (text: string) =
    let sending = Wait.start (fun () -> connection.Send text)
    let received = connection.Receive(Nullable Wait.limit)
    Wait.forTask "the sending" sending
    let same = received.Text = text // quoted, 16 MiB of it would be told
    test <@ same @>

let private sizes = [ 0; 1; 125; 126; 65_535; 65_536; megabyte; 16 * megabyte ]

let private agreedOn (connection: ClientConnection) : Map<string, string> =
    let extension = Seq.exactlyOne connection.Extensions
    extension.Name =! "permessage-deflate"
    Map [ for parameter in extension.Parameters -> parameter.Name, parameter.Value ]

/// How the server's last echo was closed; it may know a moment after its client.
let private wasClosed (server: Foreign) (expected: string) =
    Wait.until $"the server was told {expected}" (fun () ->
        use connection = connect server "/last" plain
        connection.Receive(Nullable Wait.limit).Text = expected)

let private compressing (deflate: PerMessageDeflate) (server: Foreign) : Map<string, string> =
    use connection = connect server "/echo" (withCompression deflate)

    for size in [ 0; 10; 5_000; 200_000; 100 ] do
        echoed connection (bytes size)
        echoedText connection (characters size)

    connection.Close()
    connection.CloseCode =! Nullable 1000
    agreedOn connection

let private with' (server: Foreign) : Test =
    let testIt (name: string) (body: unit -> unit) =
        Programs.testIf server.Needs server.IsThere.Value name body

    testList $"with {server.Name}" [
        testIt "messages of 0 bytes to 16 MiB come back" (fun () ->
            use connection = connect server "/echo" plain

            for size in sizes do
                echoed connection (bytes size)
                echoedText connection (characters size))

        testIt "messages of 0 bytes to 16 MiB come back compressed" (fun () ->
            use connection = connect server "/echo" (withCompression (PerMessageDeflate()))
            agreedOn connection |> ignore

            for size in sizes do
                echoed connection (bytes size))

        testIt "every window from 9 to 15 bits can be agreed on, for each direction" (fun () ->
            for bits in 9..15 do
                for server', client in [ bits, 15; 15, bits; bits, bits ] do
                    let agreed =
                        compressing
                            (PerMessageDeflate(
                                ServerMaxWindowBits = server',
                                ClientMaxWindowBits = client,
                                MinSize = 0
                            ))
                            server

                    // A server may choose less.
                    test <@ int agreed["server_max_window_bits"] <= server' @>)

        testIt "the history can be given up, on each side" (fun () ->
            for server', client in [ true, false; false, true; true, true ] do
                let agreed =
                    compressing
                        (PerMessageDeflate(
                            ServerNoContextTakeover = server',
                            ClientNoContextTakeover = client,
                            MinSize = 0
                        ))
                        server

                agreed.ContainsKey "server_no_context_takeover" =! server')

        testIt "fragments are one message" (fun () ->
            for options in [ plain; withCompression (PerMessageDeflate(MinSize = 0)) ] do
                use connection = connect server "/echo" options
                connection.Send [ "one, "; ""; "two, "; "three" ]
                connection.Receive(Nullable Wait.limit).Text =! "one, two, three")

        testIt "the client's code and reason reach the server" (fun () ->
            for code, reason in [ 1000, ""; 1000, "bye"; 1001, ""; 3000, "Grüße"; 4999, "private" ] do
                use connection = connect server "/echo" plain
                echoedText connection "hello"
                connection.Close(CloseCode.Create code, reason)
                connection.Sent.Number =! code
                connection.CloseCode =! Nullable code
                wasClosed server $"{code} {reason}")

        testIt "the server's code and reason reach the client" (fun () ->
            for code, reason in
                [
                    1000, ""
                    1001, "bye"
                    1008, "rules"
                    1011, ""
                    3000, "Grüße"
                    4999, "private"
                ] do
                use connection =
                    connect server $"/close?code={code}&reason={Uri.EscapeDataString reason}" plain

                if code < 1002 then
                    Seq.length connection.Messages =! 0
                else
                    let error =
                        Wait.throws<ConnectionClosedErrorException>(fun () ->
                            connection.Receive(Nullable Wait.limit) |> ignore)

                    error.Received.Reason =! reason

                connection.CloseCode =! Nullable code
                connection.CloseReason =! reason)

        testIt "a subprotocol is agreed on" (fun () ->
            let options = ClientOptions(Proxy = null, Subprotocols = [| "v1"; "v2" |])

            use connection = connect server "/echo" options
            connection.Subprotocol =! "v2"
            echoedText connection "hello")

        testIt "pings are answered, amid messages" (fun () ->
            use connection = connect server "/echo" plain

            for index in 1..20 do
                let ping = connection.Ping()
                echoedText connection $"{index}"
                // Who receives meets the pong; Kestrel answers when it is asked for a message.
                ping.Wait(Nullable Wait.limit) =! true)

        testIt "many threads send at once, and no message is torn" (fun () ->
            use connection =
                connect server "/echo" (withCompression (PerMessageDeflate(MinSize = 0)))

            let senders = [
                for letter in 'a' .. 'd' ->
                    Wait.start (fun () ->
                        for count in 1..100 do
                            connection.Send(String(letter, count * 30)))
            ]

            let received = [ for _ in 1..400 -> connection.Receive(Nullable Wait.limit).Text ]
            senders |> List.iter (Wait.forTask "a sender")
            test <@ received |> List.forall (fun text -> text |> Seq.forall ((=) text[0])) @>

            received |> List.countBy (fun text -> text[0]) |> List.sort
            =! [ for letter in 'a' .. 'd' -> letter, 100 ])
    ]

[<Tests>]
let foreign =
    // In turn: how an echo was closed is asked for after each.
    testSequenced (testList "the client" [ for server in all -> with' server ])

// ---- Nothing is left

let private count (folder: string) =
    Directory.GetFileSystemEntries(folder).Length

/// Descriptors and threads of this process, with some for those of the platform's pool, which come and go.
let private leavesNothing (times: int) (once: unit -> unit) =
    for _ in 1..20 do
        once ()

    let descriptors, threads = count "/proc/self/fd", count "/proc/self/task"

    for _ in 1..times do
        once ()

    Wait.until "descriptors and threads are given back" (fun () ->
        count "/proc/self/fd" <= descriptors + 4
        && count "/proc/self/task" <= threads + 4)

let private times =
    if Wait.limit > TimeSpan.FromMinutes 1.0 then
        10_000
    else
        300

[<Tests>]
let leaks =
    testSequenced (
        testList "connections one after the other" [
            for server in all do
                Programs.testIf
                    server.Needs
                    server.IsThere.Value
                    $"leave nothing with {server.Name}"
                    (fun () ->
                        let options = withCompression (PerMessageDeflate(MinSize = 0))

                        leavesNothing times (fun () ->
                            use connection = connect server "/echo" options
                            echoedText connection "hello"))

            testCase "leave nothing with a clock of their own, which each has a watcher for" (fun () ->
                let clock = {
                    new TimeProvider() with
                        override _.GetUtcNow() = TimeProvider.System.GetUtcNow()
                }

                let options = ClientOptions(Proxy = null, TimeProvider = clock)

                leavesNothing 100 (fun () ->
                    use connection = connect kestrel "/echo" options
                    echoedText connection "hello"))
        ]
    )
