/// A server whose looks at silent clients fail, in a process of its own.
module FunctionalWs.Threat.Tests.SilentProgram

open System
open FunctionalWs
open FunctionalWs.Server.Tests

let private noMemory = 12 // ENOMEM

/// Nobody receives, so the watcher looks at all of them: whatever look fails, it goes on with the others.
let run () : int =
    let system = NativeFaults(Environment.GetEnvironmentVariable "LD_PRELOAD")
    let away (connection: ServerConnection) = connection.WaitClosed() |> ignore

    use server =
        Server.Serve(Action<ServerConnection> away, "127.0.0.1", 0, ServerOptions(PingInterval = Nullable()))

    server.Start()

    let clients = [
        for _ in 1..6 do
            let client = PeerClient.OverTcp server
            client.ShakeHands()
            client
    ]

    let asking = List.last clients
    let tried = 40

    for number in 1..tried do
        system.Arm("poll", number % 8 + 1, noMemory)
        system.Count true
        asking.SendPing [| byte number |]

        if asking.Read() <> PongOf [| byte number |] then
            failwith "another answer than the pong"

        system.Count false

    for client in clients do
        (client :> IDisposable).Dispose()

    printfn $"tried {tried} of {tried}"
    0
