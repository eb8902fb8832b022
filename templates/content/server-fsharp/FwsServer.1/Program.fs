open System
open System.Runtime.InteropServices
open FunctionalWs.FSharp

[<EntryPoint>]
let main args =
    let port =
        match args with
        | [| port |] -> int port
        | _ -> 8765

    use server = WebSocket.serve "localhost" port Echo.handle

    let stop (context: PosixSignalContext) =
        context.Cancel <- true // clients are told first, and have a moment to leave
        server.Shutdown() |> ignore

    use _ = PosixSignalRegistration.Create(PosixSignal.SIGINT, stop) // Ctrl+C
    use _ = PosixSignalRegistration.Create(PosixSignal.SIGTERM, stop) // the system
    Console.WriteLine $"listening on ws://{server.LocalEndPoint}/"
    server.ServeForever()
    0
