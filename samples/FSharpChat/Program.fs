/// A chat with rooms: ws://localhost:8765/room/tea/Ada
module Program

open System
open System.Runtime.InteropServices
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

    let stop (context: PosixSignalContext) =
        context.Cancel <- true // clients are told first, and have a moment to leave
        server.Shutdown() |> ignore

    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop) // Ctrl+C
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop) // the system
    Console.WriteLine $"listening on ws://{server.LocalEndPoint}/room/tea/Ada"
    server.ServeForever()
    0
