/// Many clients at once: in this process, or in one of their own that can be stopped and killed.
namespace FunctionalWs.Threat.Tests

open System
open System.Net
open System.Net.Sockets
open System.Text
open FunctionalWs.Server.Tests

module Crowd =

    let private request (path: string) =
        Encoding.ASCII.GetBytes(PeerClient.Request.Replace("/chat", path))

    let connect (endPoint: IPEndPoint) : Socket =
        let socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        socket.ReceiveBufferSize <- 4_096
        socket.ReceiveTimeout <- int Wait.limit.TotalMilliseconds
        socket.Connect endPoint
        socket

    let private readHead (socket: Socket) =
        let buffer = Array.zeroCreate<byte> 1_024
        let size = socket.Receive buffer
        Encoding.ASCII.GetString(buffer, 0, size)

    /// Opens connections with the handler of a path, some hundred at a time.
    let openMany (endPoint: IPEndPoint) (count: int) (path: string) : Socket[] = [|
        for some in Seq.chunkBySize 200 (seq { 1..count }) do
            let sockets = [|
                for _ in some do
                    let socket = connect endPoint
                    socket.Send(request path) |> ignore
                    socket
            |]

            for socket in sockets do
                let head = readHead socket

                if not (head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
                    failwith $"refused: {head}"

            yield! sockets
    |]

    /// The role of a process: opens connections, sends the start of a message on each, tells so, and stays.
    let run (arguments: string list) : int =
        let port, count, path = int arguments[0], int arguments[1], arguments[2]

        let sockets = openMany (IPEndPoint(IPAddress.Loopback, port)) count path
        let start = Attackers.frame 0x82uy (Array.zeroCreate 100)

        for socket in sockets do
            try
                socket.Send(start, 50, SocketFlags.None) |> ignore
            with :? SocketException ->
                () // the keepalive has given it up by now

        printfn "ready"
        Console.ReadLine() |> ignore
        GC.KeepAlive sockets
        0

/// Clients in a process of their own.
type Crowd(victim: Victim, count: int, path: string) =
    let running =
        Processes.again "crowd" [ string victim.EndPoint.Port; string count; path ] [] None

    do
        if Wait.forTask "the clients" (running.StandardOutput.ReadLineAsync()) <> "ready" then
            failwith "the clients could not connect"

    member _.Signal(name: string) = Processes.signal running.Id name

    /// Without a word, and without a chance to say one.
    member _.Kill() =
        running.Kill()
        running.WaitForExit()

    interface IDisposable with
        member crowd.Dispose() =
            if not running.HasExited then
                crowd.Kill()

            running.Dispose()
