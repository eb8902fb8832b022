open System
open FunctionalWs.FSharp

[<EntryPoint>]
let main args =
    let port =
        match args with
        | [| port |] -> int port
        | _ -> 8765

    use server = WebSocket.serve "localhost" port Echo.handle
    Console.WriteLine $"listening on ws://{server.LocalEndPoint}/"
    server.Run() // until Ctrl+C or SIGTERM: clients are told first, and have a moment to leave
