module FunctionalWs.AspNetCore.Tests.EndingTests

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.AspNetCore
open FunctionalWs.AspNetCore.Tests.Apps
open FunctionalWs.Server.Tests

let private fails (name: string) : string * (WebApplication -> unit) =
    let fail () : unit =
        raise (InvalidTimeZoneException "the handler's own")

    match name with
    | "blocks" ->
        name,
        at (fun connection ->
            connection.Receive() |> ignore
            fail ())
    | "messages" ->
        name,
        fun web ->
            web.MapWebSocket("/", Action<ServerConnection, Message>(fun _ _ -> fail ()))
            |> ignore
    | _ ->
        name,
        fun web ->
            web.MapWebSocket(
                "/",
                Func<ServerConnection, Task>(fun connection ->
                    task {
                        let! _ = connection.ReceiveAsync()
                        fail ()
                    })
            )
            |> ignore

[<Tests>]
let ending =
    testList "ends behind ASP.NET Core" [
        for http in both do
            for name, map in FaceTests.echoes do
                testCase $"a host that stops tells clients 1001, with {name}, over {http}" (fun () ->
                    let app = run map
                    use client = new PlatformSocket(app, http)
                    client.Ask "hello" =! "hello"
                    let stopping = Wait.start (fun () -> (app :> IDisposable).Dispose())
                    client.ReceiveClose() =! Some 1001
                    Wait.forTask "the stop" stopping)

                testCase $"a client that vanishes leaves nothing, with {name}, over {http}" (fun () ->
                    use app = run map
                    use client = new PlatformSocket(app, http)
                    client.Ask "hello" =! "hello"
                    client.Vanish()
                    app.AwaitEmpty())

            for name, map in List.map fails [ "blocks"; "messages"; "converses" ] do
                testCase $"a handler that {name} and throws closes with 1011, over {http}" (fun () ->
                    use app = run map
                    use client = new PlatformSocket(app, http)
                    client.Send "hello"
                    client.ReceiveClose() =! Some 1011
                    app.AwaitEmpty()

                    test
                        <@
                            app.Records.Exceptions
                            |> List.exists (fun error -> error :? InvalidTimeZoneException)
                        @>)

            testCase $"a handler that returns closes with 1000, over {http}" (fun () ->
                use app = run (at (fun connection -> connection.Send "bye"))
                use client = new PlatformSocket(app, http)
                client.Receive() =! "bye"
                client.ReceiveClose() =! Some 1000
                app.AwaitEmpty())

            testCase $"a message that is too large is refused with 1009, over {http}" (fun () ->
                use app =
                    runWith ignore (fun options -> options.MaxMessageSize <- 1_000) (snd FaceTests.echoes[1])

                use client = new PlatformSocket(app, http)
                client.Send(String('x', 1_001))
                client.ReceiveClose() =! Some 1009
                app.AwaitEmpty())

            testCase $"an application cuts a connection, over {http}" (fun () ->
                use app =
                    run (
                        at (fun connection ->
                            connection.Receive() |> ignore
                            connection.Abort())
                    )

                use client = new PlatformSocket(app, http)
                client.Send "cut me"
                client.AwaitClose() =! None
                app.AwaitEmpty())

            testCase $"a server's broadcast and close reach endpoints, over {http}" (fun () ->
                use app = run (snd FaceTests.echoes[1])
                use client = new PlatformSocket(app, http)
                client.Ask "hello" =! "hello"
                (Broadcast.Send(app.Server.Connections, "to all")).Sent =! 1
                client.Receive() =! "to all"

                for connection in app.Server.Connections do
                    connection.BeginClose(CloseCode.Create 4001)

                client.ReceiveClose() =! Some 4001
                app.AwaitEmpty())
    ]
