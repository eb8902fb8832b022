/// What a client writes to its log.
module FunctionalWs.Client.Tests.LogTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open Expecto
open Swensen.Unquote
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests

/// Keeps the id of each record with its text and that of the scope in which it was written.
type private ScopedRecords() =
    let scope = AsyncLocal<string>()
    let all = ConcurrentQueue<int * string * string>()
    member _.All = List.ofSeq all

    interface ILogger with
        member _.BeginScope(state: 'state) : IDisposable =
            let before = scope.Value
            scope.Value <- string (box state)

            {
                new IDisposable with
                    member _.Dispose() = scope.Value <- before
            }

        member _.IsEnabled _ = true

        member _.Log(_, id: EventId, state: 'state, error: exn, format: Func<'state, exn, string>) =
            let written = format.Invoke(state, error)
            all.Enqueue((id.Id, $"{written} {error}", scope.Value))

    interface ILoggerFactory with
        member records.CreateLogger(category: string) =
            category =! "FunctionalWs.Client"
            records :> ILogger

        member _.AddProvider _ = ()
        member _.Dispose() = ()

let private echo (connection: ServerConnection) =
    for message in connection do
        connection.Send message

[<Tests>]
let records =
    testList "the log of a client" [
        testCase
            "has a connection's id and its server in the scope of each record, from the first to the last"
            (fun () ->
                use server = Server.Serve(echo, "127.0.0.1", 0)
                server.Start()
                use records = new ScopedRecords()

                let connection =
                    Client.Connect(
                        $"ws://{server.LocalEndPoint}/",
                        ClientOptions(Proxy = null, LoggerFactory = records)
                    )

                connection.Send "hello"
                connection.Receive() |> ignore
                connection.Dispose()
                let expected = $"{connection.Id} {server.LocalEndPoint}"
                // Whoever has read ahead tells of frames, and may do so after they were received.
                Wait.until "frames are told, too" (fun () ->
                    records.All |> List.exists (fun (id, _, _) -> id = 40))

                let ids = records.All |> List.map (fun (id, _, _) -> id)

                test
                    <@
                        List.contains 20 ids
                        && List.contains 21 ids
                        && List.contains 40 ids
                        && List.contains 41 ids
                    @>

                test <@ records.All |> List.forall (fun (_, _, scope) -> scope = expected) @>)

        testCase
            "has no secret of the client's: no credentials, tokens, fields, no path and query, and no payload"
            (fun () ->
                use server = Server.Serve(echo, "127.0.0.1", 0)
                server.Start()

                for options, user in
                    [
                        (fun records ->
                            ClientOptions(Proxy = null, LoggerFactory = records, BearerToken = "hidden")),
                        ""
                        (fun records ->
                            ClientOptions(
                                Proxy = null,
                                LoggerFactory = records,
                                Headers = Dictionary(dict [ "X-Key", "hidden"; "Cookie", "hidden" ])
                            )),
                        "hidden:hidden@"
                    ] do
                    use records = new ScopedRecords()

                    let connection =
                        Client.Connect($"ws://{user}{server.LocalEndPoint}/hidden?hidden", options records)

                    connection.Send "hidden"
                    connection.Receive().Text =! "hidden"
                    connection.Dispose()
                    test <@ records.All.Length >= 4 @>

                    test
                        <@
                            records.All
                            |> List.forall (fun (_, text, scope) ->
                                not ((text + scope).Contains("hidden", StringComparison.Ordinal)))
                        @>)
    ]
