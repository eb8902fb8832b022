// A server in a script: dotnet fsi echo.fsx
#r "nuget: FunctionalWs.FSharp, 0.1.0"

open FunctionalWs.FSharp

let port =
    match fsi.CommandLineArgs with
    | [| _; port |] -> int port
    | _ -> 8765

let server =
    WebSocket.serve "localhost" port (fun connection ->
        for message in connection do // ends when the client closes
            connection.Send message) // text as text, binary as binary

System.Console.WriteLine $"listening on ws://{server.LocalEndPoint}/"
server.ServeForever()
