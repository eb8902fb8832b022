/// Connections that may live for a time only, and rules that say who may come and with how much.
module FunctionalWs.Server.Tests.ExpiringTests

open System
open System.Security.Claims
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private seconds (count: float) = TimeSpan.FromSeconds count

let private bob =
    ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "bob") ], "test"))

let private expired =
    CloseStatus.Create(CloseCode.PolicyViolation, "credentials expired")

/// Opens a connection whose client is known for a minute; it receives until its end.
let private withCredentials
    (status: CloseStatus option)
    (act: ManualTimeProvider -> ServerConnection -> PeerClient -> unit)
    =
    let clock = ManualTimeProvider()
    let found = Threading.Tasks.TaskCompletionSource<ServerConnection>()

    use server =
        ServerOptions(
            TimeProvider = clock,
            PingInterval = Nullable(),
            ProcessRequest =
                ProcessRequest(fun connection _ ->
                    let until = Nullable(clock.GetUtcNow() + seconds 60.0)

                    match status with
                    | Some status -> connection.Renew(bob, until, status)
                    | None -> connection.Renew(bob, until)

                    Response.None)
        )
        |> inMemory (fun connection ->
            found.SetResult connection
            Seq.iter ignore connection.Messages)

    use client = client server
    act clock (Wait.forTask "the connection" found.Task) client

[<Tests>]
let credentials =
    testList "credentials that end" [
        testCase "close the connection with 1008, not before" (fun () ->
            withCredentials None (fun clock connection client ->
                connection.Username =! "bob"
                connection.ValidUntil =! Nullable(clock.GetUtcNow() + seconds 60.0)
                clock.Advance(seconds 59.0)
                client.SendPing "alive"B
                client.Read() =! PongOf "alive"B
                clock.Advance(seconds 1.0)
                client.Read() =! Closed expired
                client.SendClose 1008))

        testCase "close it with what one likes" (fun () ->
            let status = CloseStatus.Create(CloseCode.Create 4001, "log in again")

            withCredentials (Some status) (fun clock _ client ->
                clock.Advance(seconds 61.0)
                client.Read() =! Closed status
                client.SendClose 4001))

        testCase "are renewed in place, also for ever" (fun () ->
            withCredentials None (fun clock connection client ->
                clock.Advance(seconds 50.0)
                connection.Renew(bob, Nullable(clock.GetUtcNow() + seconds 60.0))
                clock.Advance(seconds 50.0)
                client.SendPing "1"B
                client.Read() =! PongOf "1"B
                connection.Renew(bob, Nullable())
                connection.ValidUntil =! Nullable()
                clock.Advance(TimeSpan.FromDays 30.0)
                client.SendPing "2"B
                client.Read() =! PongOf "2"B))

        testCase "that have ended already close it at once" (fun () ->
            withCredentials None (fun clock connection client ->
                connection.Renew(bob, Nullable(clock.GetUtcNow() - seconds 1.0))
                client.Read() =! Closed expired
                client.SendClose 1008))
    ]

[<Tests>]
let lifetimes =
    testList "MaxLifetime" [
        testCase "closes each connection with 1001, up to a tenth earlier than others" (fun () ->
            let clock = ManualTimeProvider()

            use server =
                ServerOptions(
                    TimeProvider = clock,
                    PingInterval = Nullable(),
                    MaxLifetime = Nullable(seconds 1000.0)
                )
                |> inMemory (fun connection -> Seq.iter ignore connection.Messages)

            let clients = [ for _ in 1..20 -> client server ]

            // Before the server, which waits for them on a clock that stands still.
            use _ = {
                new IDisposable with
                    member _.Dispose() =
                        for client in clients do
                            (client :> IDisposable).Dispose()
            }

            // A client has its answer a moment before its life is counted.
            Wait.until "all are open" (fun () -> server.Connections.Count = clients.Length)
            clock.Advance(seconds 899.0)

            for client in clients do
                client.SendPing "alive"B
                client.Read() =! PongOf "alive"B

            clock.Advance(seconds 51.0)
            // With a chance of one in a million all of them are early, or none is.
            Wait.until "some are told" (fun () -> clients |> List.exists _.Transport.IsReadable)
            test <@ clients |> List.exists (fun client -> not client.Transport.IsReadable) @>
            clock.Advance(seconds 50.0)

            for client in clients do
                client.Read()
                =! Closed(CloseStatus.Create(CloseCode.GoingAway, "maximum lifetime")))
    ]

[<Tests>]
let rules =
    let handler =
        Action<ServerConnection>(fun connection ->
            for message in connection do
                connection.Send $"{connection.Username} {message.Data.Length}")

    let map =
        UrlMap(
            [
                Rule("/open", handler)
                Rule("/members", handler, ProcessRequest = BasicAuth.Create("bob", "1"))
                Rule("/small", handler, MaxMessageSize = Nullable 10)
                Rule("/large", handler, MaxMessageSize = Nullable 2_000_000)
            ]
        )

    let connect (target: string) (options: TestClientOptions) (act: TestClient -> unit) =
        use server = InMemoryServer.Route map
        use client = server.Connect(target, options)
        act client

    testList "a rule of its own" [
        testCase "says who may come there, and nowhere else" (fun () ->
            connect "/open" null (fun client ->
                client.Send "x"
                client.Receive().Text =! " 1")

            (Wait.throws<HandshakeRefusedException>(fun () -> connect "/members" null ignore))
                .Response.StatusCode
            =! 401

            let credentials =
                TestClientOptions(Credentials = { Username = "bob"; Password = "1" })

            connect "/members" credentials (fun client ->
                client.Send "x"
                client.Receive().Text =! "bob 1"))

        testCase "says how large a message may be, up and down" (fun () ->
            connect "/small" null (fun client ->
                client.Send(String('x', 11))
                client.WaitClosed().Number =! 1009)

            connect "/large" null (fun client ->
                client.Send(String('x', 1_500_000))
                client.Receive().Text =! " 1500000")

            connect "/open" null (fun client ->
                client.Send(String('x', 1_500_000))
                client.WaitClosed().Number =! 1009))

        testCase "refuses a size that there isn't" (fun () ->
            Wait.throws<ArgumentOutOfRangeException>(fun () ->
                Rule("/", handler, MaxMessageSize = Nullable -1) |> ignore)
            |> ignore)
    ]

[<Tests>]
let clocks =
    testList "a clock that stands still" [
        testCase "waits until so many timers are set" (fun () ->
            let clock = ManualTimeProvider()
            clock.WaitForTimers 0

            let working =
                Wait.start (fun () ->
                    Threading.Tasks.Task.Delay(seconds 5.0, clock).GetAwaiter().GetResult()
                    use periodic = new PeriodicTimer(seconds 1.0, clock)
                    periodic.WaitForNextTickAsync().AsTask().GetAwaiter().GetResult())

            clock.WaitForTimers 1
            clock.Advance(seconds 5.0)
            clock.WaitForTimers 1
            clock.Advance(seconds 1.0)
            Wait.forTask "the work" working =! true)

        testCase "says how many there are when they don't come" (fun () ->
            let error =
                Wait.throws<TimeoutException>(fun () ->
                    ManualTimeProvider().WaitForTimers(2, TimeSpan.FromMilliseconds 1.0))

            test <@ error.Message.StartsWith "0 timers were set within" @>)
    ]
