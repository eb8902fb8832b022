/// A chat with rooms: ws://localhost:8765/room/tea/Ada
module Program

open System
open FunctionalWs.FSharp

[<EntryPoint>]
let main args =
    let port =
        match args with
        | [| port |] -> int port
        | _ -> 8765

    let options =
        Options.server
        |> Options.maxConnections 1_000
        |> Options.maxMessageSize (Some 4_096)

    use server = WebSocket.routeWith options "localhost" port (Chat.routes ())

    Console.WriteLine $"listening on ws://{server.LocalEndPoint}/room/tea/Ada"
    server.Run() // until Ctrl+C or SIGTERM: clients are told first, and have a moment to leave
