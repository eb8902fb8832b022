/// Connections for tests of groups.
module FunctionalWs.Server.Tests.Audience

open System
open FunctionalWs
open FunctionalWs.Server.Tests.Serve

/// A server whose handlers wait for the end, its clients, and their connections. At the end none says goodbye.
type Audience(count: int) =
    let server =
        inMemory (fun connection -> Seq.iter ignore connection.Messages) defaults

    let newest (known: ServerConnection list) =
        let isNew (connection: ServerConnection) =
            connection.State = ConnectionState.Open && not (List.contains connection known)

        Wait.until "it is open" (fun () -> Seq.exists isNew server.Connections)
        Seq.find isNew server.Connections

    let all =
        (([], []), [ 1..count ])
        ||> List.fold (fun (clients, connections) _ ->
            let client = client server
            client :: clients, newest connections :: connections)

    member _.Server = server
    member _.Clients = fst all |> List.rev |> Array.ofList
    member _.Connections = snd all |> List.rev |> Array.ofList

    interface IDisposable with
        member audience.Dispose() =
            for client in audience.Clients do
                client.Transport.Abort()

            server.Dispose()

/// Names that clients may make up.
let hostile = [
    ""
    " "
    "a"
    "A"
    "\u00E9"
    "e\u0301"
    string (char 0xD800)
    string (char 0xDC00)
    "a\u0000"
    "a\u0000b"
    "\u202E"
    String('x', 100_000)
    "$.x['y']"
    "../.."
]

/// True when nobody is anywhere.
let isEmpty (groups: Groups) (connections: ServerConnection seq) =
    groups.Count = 0
    && connections |> Seq.forall (fun connection -> groups.Of(connection).Count = 0)
