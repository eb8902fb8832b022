/// An echo server: sends every message back as it came, until it is told to end.
module Program

open System
open FunctionalWs.FSharp

[<EntryPoint>]
let main args =
    let port =
        match args with
        | [| port |] -> int port
        | _ -> 8765

    let options = Options.server |> Options.maxMessageSize (Some 65_536)

    use server =
        WebSocket.serveWith options "localhost" port (fun connection ->
            for message in connection do // ends when the client closes
                connection.Send message)

    Console.WriteLine $"listening on ws://{server.LocalEndPoint}/"
    server.Run() // until Ctrl+C or SIGTERM: clients are told first, and have a moment to leave
