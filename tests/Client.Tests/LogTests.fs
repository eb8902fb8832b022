/// What a client writes to its log.
module FunctionalWs.Client.Tests.LogTests

open System
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests

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
                use records = new ScopedRecords(LogLevel.Trace)

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
                    records.All |> List.exists (fun record -> record.Id = 40))

                let ids = records.All |> List.map _.Id

                test
                    <@
                        List.contains 20 ids
                        && List.contains 21 ids
                        && List.contains 40 ids
                        && List.contains 41 ids
                    @>

                test
                    <@
                        records.All
                        |> List.forall (fun record ->
                            record.Scope = expected && record.Category = "FunctionalWs.Client")
                    @>)

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
                    use records = new ScopedRecords(LogLevel.Trace)

                    let connection =
                        Client.Connect($"ws://{user}{server.LocalEndPoint}/hidden?hidden", options records)

                    connection.Send "hidden"
                    connection.Receive().Text =! "hidden"
                    connection.Dispose()
                    Wait.until "the frames are told" (fun () -> records.All.Length >= 4)

                    test
                        <@
                            records.All
                            |> List.forall (fun record ->
                                not (
                                    (record.Text + record.Scope)
                                        .Contains("hidden", StringComparison.Ordinal)
                                ))
                        @>)
    ]
