namespace FunctionalWs.Threat.Tests

open System
open System.Net
open System.Net.Sockets
open FunctionalWs
open FunctionalWs.Server.Tests

/// What an attacked server tells of itself.
type Figures = {
    Heap: int64
    Native: int64
    Handlers: int
    Errors: int
    Warnings: int
    Unobserved: int
    MaxConnections: int
    Threads: int
    Descriptors: int
}

/// A server in a process of its own, to be attacked.
type Victim(arguments: string list, ?environment: (string * string) list, ?descriptors: int) =

    // A small budget of the youngest generation, so that resident memory tells of what lives.
    let settings = ("DOTNET_GCgen0size", "0x400000") :: defaultArg environment []

    let running = Processes.again "victim" arguments settings descriptors

    let line () =
        let reading = running.StandardOutput.ReadLineAsync()

        if not (reading.Wait(TimeSpan.FromMinutes 5.0)) then
            failwith "waited in vain for the attacked server to answer"

        match reading.Result with
        | null -> failwith "the attacked server is dead"
        | line -> line

    let values (line: string) =
        Map [ for pair in line.Split ' ' -> pair.Split('=')[0], int64 (pair.Split('=')[1]) ]

    let port = values (line ()) |> Map.find "port" |> int

    member _.Id = running.Id

    /// Tells it to do something; gives what it answers.
    member _.Tell(command: string) : Map<string, int64> =
        running.StandardInput.WriteLine command
        running.StandardInput.Flush()
        values (line ())

    /// The handlers that run, without a collection: for waits, which ask again and again.
    member victim.Handlers: int = victim.Tell "handlers" |> Map.find "handlers" |> int

    /// The connections that take a place, also those whose handler has ended already.
    member victim.Occupied: int = victim.Tell "handlers" |> Map.find "occupied" |> int

    member victim.Figures() : Figures =
        let told = victim.Tell "figures"

        {
            Heap = told["heap"]
            Native = told["native"]
            Handlers = int told["handlers"]
            Errors = int told["errors"]
            Warnings = int told["warnings"]
            Unobserved = int told["unobserved"]
            MaxConnections = int told["most"]
            Threads = Processes.threads running.Id
            Descriptors = Processes.descriptors running.Id
        }

    member _.EndPoint = IPEndPoint(IPAddress.Loopback, port)

    /// A bare connection.
    member victim.Connect(?receiveBuffer: int) : Socket =
        let socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        receiveBuffer |> Option.iter (fun size -> socket.ReceiveBufferSize <- size)
        socket.NoDelay <- true
        socket.Connect victim.EndPoint
        socket

    member victim.Raw() : PeerClient =
        new PeerClient(new SocketTransport(victim.Connect()))

    /// An open connection with the handler of a path.
    member victim.Open(path: string) : PeerClient =
        let client = victim.Raw()
        client.Write(PeerClient.Request.Replace("/chat", path))

        if not (client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
            failwith "refused"

        client

    /// The same for the server's TLS.
    member victim.OpenTls(path: string) : PeerClient =
        let lower = Tls.connectTo victim.EndPoint

        let client =
            new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) lower, lower))

        client.Write(PeerClient.Request.Replace("/chat", path))
        client.ReadResponse() |> ignore
        client

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill()
                running.WaitForExit()

            running.Dispose()

module Attackers =

    /// Ends a connection by a reset.
    let reset (client: PeerClient) =
        match client.Transport with
        | :? SocketTransport as transport ->
            transport.Socket.LingerState <- LingerOption(true, 0)
            transport.Socket.Dispose()
        | transport -> transport.Abort()

    let dispose (clients: PeerClient seq) =
        for client in clients do
            (client :> IDisposable).Dispose()

    /// True once the server has ended the stream.
    let isEnded (socket: Socket) =
        try
            let buffer = Array.zeroCreate<byte> 65_536
            socket.Poll(0, SelectMode.SelectRead) && socket.Receive buffer = 0
        with :? SocketException ->
            true

    /// Writes until the server doesn't want any more; true when all was written.
    let tryWrite (client: PeerClient) (data: byte[]) =
        try
            client.Write data
            true
        with :? IO.IOException ->
            false

    let repeated (count: int) (frame: byte[]) =
        Array.concat (Array.replicate count frame)

    /// A client's frame with a key of zeros.
    let frame (first: byte) (payload: byte[]) =
        let length =
            if payload.Length < 126 then
                [| byte payload.Length |]
            elif payload.Length < 65_536 then
                [| 126uy; byte (payload.Length >>> 8); byte payload.Length |]
            else
                Array.append [| 127uy |] (Array.rev (BitConverter.GetBytes(int64 payload.Length)))

        length[0] <- length[0] ||| 0x80uy
        Array.concat [ [| first |]; length; Array.zeroCreate 4; payload ]
