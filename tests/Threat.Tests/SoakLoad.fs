/// Who keeps a server busy for long: clients that stay, that come and go, that mean it harm, and somebody who starts servers anew.
namespace FunctionalWs.Threat.Tests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests

/// Lets many threads work, and stops them between two rounds for as long as somebody looks at the server.
type Pace(pause: TimeSpan) =
    let mutable isOver = false
    let mutable parked = 0
    let go = new ManualResetEventSlim(true)

    /// True while there is more to do. Between two rounds; what has to be done before a pause is.
    member _.GoesOn(beforePause: unit -> unit) : bool =
        // Time for others, who share the machine; ends early at the end.
        SpinWait.SpinUntil((fun () -> Volatile.Read &isOver), pause) |> ignore

        if not go.IsSet then
            beforePause ()
            Interlocked.Increment &parked |> ignore
            go.Wait()
            Interlocked.Decrement &parked |> ignore

        not (Volatile.Read &isOver)

    member pace.GoesOn() : bool = pace.GoesOn ignore
    member _.Parked = Volatile.Read &parked
    member _.Pause() = go.Reset()
    member _.Resume() = go.Set()

    member _.End() =
        Volatile.Write(&isOver, true)
        go.Set()

/// A server of the measured process. Its port changes when it is started anew.
type SoakedServer = {
    mutable Port: int
    HasTls: bool
    /// False for one that is started anew: clients lose it then.
    IsLasting: bool
}

module SoakLoad =

    let private message (random: Random) (id: string) (number: int) =
        let size =
            match random.Next 20 with
            | 0 -> random.Next(5_000, 60_000)
            | 1
            | 2 -> random.Next(200, 5_000)
            | _ -> random.Next 200

        // Something to compress, and something that can't be.
        let filler = Convert.ToBase64String(Compressed.noise number (size / 2))
        $"{id} {number} {filler}" + String('x', size / 2)

    let private ssl (server: SoakedServer) =
        if server.HasTls then Tls.clientOptions () else null

    let private connect (server: SoakedServer) (path: string) (isCompressed: bool) : ClientConnection =
        let scheme = if server.HasTls then "wss" else "ws"

        let options =
            ClientOptions(
                Ssl = ssl server,
                Proxy = null,
                Compression = (if isCompressed then PerMessageDeflate() else null)
            )

        Client.Connect($"{scheme}://127.0.0.1:{server.Port}{path}", options)

    let private receive (client: ClientConnection) = client.Receive(Wait.limit).Text

    let private echoes (client: ClientConnection) (text: string) =
        client.Send text

        if receive client <> text then
            failwith $"another message came back than {text.Substring(0, min 20 text.Length)}"

    /// How many clients of a server stay.
    let staying = 50

    /// Clients that stay: most have their messages echoed, three are in a room. None may be lost, and no message.
    let stay (pace: Pace) (which: int) (server: SoakedServer) () =
        let random = Random which

        let alone = [
            for number in 1 .. staying - 3 -> connect server "/chat" (number % 2 = 0), $"{which}/{number}"
        ]

        let room = [ for number in 1..3 -> connect server "/room" (number % 2 = 0) ]

        // Who has the answer isn't in the room before its connection counts as open, which it does when its handler runs.
        for client in room do
            if not (client.Ping().Wait Wait.limit) then
                failwith "waited in vain for a pong"

        let say (text: string) =
            for client, _ in alone do
                echoes client text

            for client in room do
                client.Send text

            for client in room do
                for _ in room do
                    receive client |> ignore

        // Each has the memory for compression from now on, however slow this machine is.
        say (String('a', 4_000))
        let mutable number = 0

        /// A handler holds on to the last message, which is a large one now and then.
        let sayLittle () = say "little"

        while pace.GoesOn sayLittle do
            number <- number + 1
            let client, id = alone[random.Next alone.Length]
            echoes client (message random id number)
            let told = message random $"{which}/room" number
            room[number % 3].Send told

            for client in room do
                if receive client <> told then
                    failwith "another message came to the room"

        for client in room @ List.map fst alone do
            client.Close()
            client.Dispose()

    /// The end of a server that is started anew, to its clients.
    let private unlessRestarted (server: SoakedServer) (work: unit -> unit) =
        try
            work ()
        with
        | :? IOException
        | :? SocketException
        | :? Security.Authentication.AuthenticationException
        | :? HandshakeRefusedException
        | :? TimeoutException when not server.IsLasting -> ()

    /// Clients that come and go.
    let visit (pace: Pace) (which: int) (server: SoakedServer) () =
        let random = Random(100 + which)
        let mutable number = 0

        while pace.GoesOn() do
            number <- number + 1

            unlessRestarted server (fun () ->
                use client = connect server "/chat" (number % 3 > 0)

                for part in 0..2 do
                    echoes client (message random $"{which} {number}" part)

                client.Ping().Wait Wait.limit |> ignore
                client.Close())

    // ---- Harm

    let private raw (server: SoakedServer) =
        let socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        socket.ReceiveTimeout <- int Wait.limit.TotalMilliseconds
        socket.SendTimeout <- int Wait.limit.TotalMilliseconds
        socket.Connect(IPEndPoint(IPAddress.Loopback, server.Port))
        socket

    let private over (server: SoakedServer) (lower: SocketTransport) : PeerClient =
        if server.HasTls then
            new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) lower, lower))
        else
            new PeerClient(lower)

    let private opened (path: string) (client: PeerClient) =
        client.Write(PeerClient.Request.Replace("/chat", path))
        client.ReadResponse() |> ignore

    let private readUntilEnd (client: PeerClient) =
        while client.Read() <> End do
            ()

    let private refused (code: int) (client: PeerClient) =
        match client.Read() with
        | Closed status when status.Number = code -> readUntilEnd client
        | other -> failwith $"refused with {code} was expected, not {other}"

    let private bomb =
        use sender = new Compressed.Sender 15
        sender.Message(Array.zeroCreate<byte> 4_000_000)

    /// What is done to a server by one client each; the stream is reset afterwards.
    let private attacks: (PeerClient -> unit)[] = [|
        fun client -> client.Write(Compressed.noise 1 500)
        fun client -> client.Write(PeerClient.Request.Substring(0, 60))
        fun client ->
            opened "/chat" client
            let frame = Attackers.frame 0x82uy (Array.zeroCreate 5_000)
            client.Write frame[..2_000]
        fun client ->
            opened "/chat" client
            client.Write(Attackers.frame 0x81uy [| 0xFFuy; 0xFFuy |])
            refused 1007 client
        fun client ->
            opened "/chat" client
            client.Write [| 0x81uy; 1uy; 65uy |]
            refused 1002 client
        fun client ->
            opened "/chat" client
            client.Write [| 0x82uy; 0xFFuy; 0uy; 0uy; 0uy; 9uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
            refused 1009 client
        fun client ->
            client.Offer "permessage-deflate" |> ignore
            client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, Compressed.noise 2 300)
            readUntilEnd client
        fun client ->
            client.Offer "permessage-deflate" |> ignore
            client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Binary, bomb)
            refused 1009 client
        fun client ->
            opened "/pour" client
            client.SendText "go"
            client.Read() |> ignore
        fun client ->
            opened "/chat" client

            for number in 1..100 do
                client.SendPing [| byte number |]

            client.SendClose 1000
        fun client ->
            opened "/chat" client
            client.WriteFrame(false, Opcode.Text, "a"B)

            for _ in 1..100 do
                client.WriteFrame(false, Opcode.Continuation, Array.create 100 65uy)
    |]

    let private attack (server: SoakedServer) (attack: PeerClient -> unit) =
        let lower = new SocketTransport(raw server)

        try
            try
                use client = over server lower
                attack client
                lower.Socket.LingerState <- LingerOption(true, 0)
            with
            | :? IOException
            | :? SocketException -> ()
        finally
            lower.Dispose()

    // As many silent clients as there are at a time.
    let private mostSilent = 8

    /// Clients that mean harm, each for itself, beside some that connect and say nothing.
    let harm (pace: Pace) (servers: SoakedServer list) (seed: int) () =
        let random = Random seed
        let silent = Collections.Generic.Queue<Socket>()

        let letGo () =
            for socket in silent do
                socket.Dispose()

            silent.Clear()

        while pace.GoesOn letGo do
            let server = servers[random.Next servers.Length]
            attack server attacks[random.Next attacks.Length]

            if silent.Count = mostSilent then
                silent.Dequeue().Dispose()

            silent.Enqueue(raw server)

        letGo ()

    /// Starts servers anew, which cuts off who is there.
    let restart (pace: Pace) (between: TimeSpan) (restarted: unit -> unit) () =
        let watch = Diagnostics.Stopwatch.StartNew()

        while pace.GoesOn() do
            if watch.Elapsed > between then
                restarted ()
                watch.Restart()
