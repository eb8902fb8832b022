/// What a server process must survive: thousands of connections, clients that are killed, no descriptors, threads or memory.
module FunctionalWs.Threat.Tests.ThreatProcessTests

open System
open System.Diagnostics
open System.Net.Sockets
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Threat.Tests.Vitals

let private mebi = 1024L * 1024L

let private echoes (client: PeerClient) (text: string) =
    client.SendText text
    readText client =! text

[<Tests>]
let idle =
    testSequenced (
        testList "threats of many connections" [
            testCase
                "R0 idle connections take 60 KB each at most, and a busy hundred among them is served"
                (fun () ->
                    let count = Scale.size 1_000 10_000
                    use victim = new Victim([ "answer=off"; "connections=11000" ])

                    /// Without garbage, which is a matter of when.
                    let resident () =
                        victim.Figures() |> ignore
                        Processes.resident victim.Id

                    use warm = victim.Open "/chat"
                    echoes warm "warm"
                    let threads = Processes.threads victim.Id
                    let busy = [ for _ in 1..100 -> victim.Open "/chat" ]
                    // What the first ones take, they take once: the code that they run, and the room of the heap.
                    let before = resident ()
                    let watch = Stopwatch.StartNew()
                    let idle = Crowd.openMany victim.EndPoint (count - busy.Length) "/chat"
                    let opened = watch.Elapsed
                    let taken = (resident () - before) / int64 idle.Length

                    Scale.tell (
                        $"{count} idle connections: {taken} bytes each, {Processes.resident victim.Id / mebi} MiB "
                        + $"resident, {Processes.threads victim.Id} threads, "
                        + $"%.0f{float idle.Length / opened.TotalSeconds} accepted a second"
                    )

                    taken <=! 60_000L
                    Processes.resident victim.Id <=! 600_000_000L
                    Processes.threads victim.Id <=! threads + count + 8

                    survives $"100 busy among {count}" victim (fun () ->
                        for round in 1 .. Scale.size 5 100 do
                            for client in busy do
                                client.SendText $"{round}"

                            for client in busy do
                                readText client =! $"{round}")
                    |> ignore

                    let computed = Processes.computed victim.Id
                    let second = Stopwatch.StartNew()
                    Wait.until "a second has passed" (fun () -> second.ElapsedMilliseconds > 1_000L)
                    let share = (Processes.computed victim.Id - computed) / second.Elapsed
                    Scale.tell $"{count} idle connections take %.1f{100.0 * share} %% of a core"

                    for socket in idle do
                        socket.Dispose()

                    Attackers.dispose busy)

            testAttack "R5 clients that connect, say something and leave" [] (fun victim ->
                let watch = Stopwatch.StartNew()
                let count = Scale.size 500 1_000_000

                for number in 1..count do
                    use client = victim.Open "/chat"
                    echoes client $"{number}"
                    client.SendClose 1000

                Scale.tell
                    $"%.0f{float count / watch.Elapsed.TotalSeconds} connections a second, one after the other")
        ]
    )

[<Tests>]
let killed =
    testSequenced (
        testList "threats of killed and frozen clients" [
            for path in [ "/receive"; "/stream"; "/pour" ] do
                testCase
                    $"L8 clients that are killed in the middle of a message leave nothing: {path}"
                    (fun () ->
                        let count = Scale.size 150 500
                        // The keepalive has no part in it.
                        use victim = new Victim([ "ping=off" ])

                        survives $"L8 kill {path}" victim (fun () ->
                            for _ in 1 .. Scale.size 1 10 do
                                use crowd = new Crowd(victim, count, path)
                                Wait.until "their handlers run" (fun () -> victim.Handlers >= count)
                                crowd.Kill()
                                let watch = Stopwatch.StartNew()

                                Wait.until "their handlers have ended" (fun () -> victim.Handlers <= 2)

                                watch.Elapsed <=! Scale.slack (TimeSpan.FromSeconds 2.0))
                        |> ignore)

            testCase "L8 100 clients that are frozen are given up by the keepalive" (fun () ->
                use victim = new Victim(quickKeepalive)

                survives "L8 freeze" victim (fun () ->
                    use crowd = new Crowd(victim, 100, "/pour")
                    crowd.Signal "STOP"
                    Wait.until "their handlers have ended" (fun () -> victim.Handlers <= 2))
                |> ignore)
        ]
    )

[<Tests>]
let exhausted =
    testSequenced (
        testList "threats of exhausted resources" [
            testCase
                "R1 without descriptors it waits without computing, and accepts as soon as there are some"
                (fun () ->
                    use victim = new Victim([], descriptors = 600)
                    use bystander = victim.Open "/chat"
                    echoes bystander "before"
                    victim.Tell "eat 20" |> ignore
                    let clients = [ for _ in 1..200 -> victim.Connect() ]
                    echoes bystander "starved"
                    let warnings = victim.Figures().Warnings
                    let computed = Processes.computed victim.Id
                    let watch = Stopwatch.StartNew()
                    Wait.until "some seconds have passed" (fun () -> watch.Elapsed.TotalSeconds > 3.0)
                    let share = (Processes.computed victim.Id - computed) / watch.Elapsed
                    let figures = victim.Figures()
                    let watched = watch.Elapsed
                    echoes bystander "still starved"
                    victim.Tell "release" |> ignore
                    watch.Restart()
                    use late = victim.Open "/chat"
                    echoes late "late"
                    let back = watch.Elapsed

                    Scale.tell (
                        $"R1: %.1f{100.0 * share} %% of a core, {figures.Warnings - warnings} warnings in three seconds, "
                        + $"accepting again after %.0f{back.TotalMilliseconds} ms"
                    )

                    // A loop that spins would take all of a core; the bound is 5 % on a machine that does nothing else, where the
                    // compiler has nothing to do meanwhile either.
                    share <=! 0.3
                    // Of each of two kinds one a second.
                    float (figures.Warnings - warnings) <=! 2.0 * watched.TotalSeconds + 2.0
                    figures.Errors =! 0
                    back <=! Scale.slack (TimeSpan.FromSeconds 1.5)

                    for client in clients do
                        client.Dispose())

            testCase "R3 more clients than the machine has threads and descriptors for get 503" (fun () ->
                use victim =
                    if Scale.isFull then
                        new Victim([ "connections=1000000"; "answer=off" ])
                    else
                        new Victim([ "connections=1000000"; "answer=off" ], descriptors = 500)

                use bystander = victim.Open "/chat"
                echoes bystander "before"
                let most = victim.Figures().MaxConnections
                let sockets = Crowd.openMany victim.EndPoint (most - 10) "/chat"
                let clients = [ for _ in 1..100 -> victim.Raw() ]

                let further = [
                    for client in clients do
                        client.Write(PeerClient.Request: string)
                        client.ReadResponse().Substring(9, 3)
                ]

                Scale.tell $"R3: {most} connections, {Processes.threads victim.Id} threads"
                test <@ further |> List.forall (fun status -> status = "101" || status = "503") @>
                test <@ further |> List.contains "101" && further |> List.contains "503" @>
                echoes bystander "full"
                Attackers.dispose clients

                for socket in sockets do
                    socket.Dispose()

                Wait.until "there is room" (fun () -> victim.Occupied = 1)
                use late = victim.Open "/chat"
                echoes late "late"
                echoes bystander "after"
                victim.Figures().Errors =! 0)

            testCase "R6 a thread pool that is blocked holds up nobody" (fun () ->
                use victim = new Victim([])

                survives "R6" victim (fun () ->
                    victim.Tell "block" |> ignore
                    let clients = [ for _ in 1..20 -> victim.Open "/chat" ]

                    for round in 1 .. Scale.size 50 5_000 do
                        for client in clients do
                            echoes client $"{round}"

                    Attackers.dispose clients
                    victim.Tell "release" |> ignore)
                |> ignore)

            testCase "R6 nor does it with TLS" (fun () ->
                use victim = new Victim([ "tls=yes" ])

                survivesTls "R6 TLS" victim (fun () ->
                    victim.Tell "block" |> ignore
                    let clients = [ for _ in 1..20 -> victim.OpenTls "/chat" ]

                    for round in 1 .. Scale.size 20 1_000 do
                        for client in clients do
                            echoes client $"{round}"

                    Attackers.dispose clients
                    victim.Tell "release" |> ignore)
                |> ignore)

            testCase
                "R7 60 connections that pin all they can leave room under a ceiling of 256 MiB"
                (fun () ->
                    use victim =
                        new Victim(
                            [ "ping=1"; "answer=off" ],
                            environment = [ "DOTNET_GCHeapHardLimit", "0x10000000" ]
                        )

                    survives "R7" victim (fun () ->
                        let message = Attackers.frame 0x82uy (Array.zeroCreate 1_000_000)

                        let clients = [
                            for _ in 1..60 do
                                let client = victim.Open "/away"
                                (client.Transport :?> SocketTransport).Socket.SendTimeout <- 1_000
                                client
                        ]

                        // Each writes until the server doesn't read any more, or closes it.
                        let fill (client: PeerClient) =
                            Wait.start (fun () ->
                                let mutable count = 0

                                while count < 100 && Attackers.tryWrite client message do
                                    count <- count + 1)

                        for filling in clients |> List.map fill do
                            Wait.forTask "its queue to be full" filling

                        use honest = victim.Open "/chat"
                        echoes honest (String('x', 100_000))
                        Scale.tell $"R7: heap {victim.Figures().Heap / mebi} MiB"

                        for client in clients do
                            Attackers.reset client)
                    |> ignore)
        ]
    )

[<Tests>]
let stopping =
    testSequenced (
        testList "threats to a shutdown" [
            testCase
                "L9 it ends by its deadline whatever its clients do, and those who answer are told 1001"
                (fun () ->
                    use victim = new Victim([ "close=2"; "ping=off"; "open=off" ])
                    let some = Scale.size 30 100
                    let stalled = [ for _ in 1..some -> victim.Open "/pour" ]
                    let stuck = [ for _ in 1..some -> victim.Open "/stuck" ]
                    let silent = [ for _ in 1..some -> victim.Connect() ]
                    use halfOpen = new Crowd(victim, some, "/chat")
                    halfOpen.Signal "STOP"
                    let good = [ for _ in 1 .. 6 * some -> victim.Open "/chat" ]

                    for client in good do
                        echoes client "in"

                    let shutdown = Wait.start (fun () -> victim.Tell "shutdown")

                    for client in good do
                        client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
                        // Who is too slow to answer before the deadline is cut.
                        Attackers.tryWrite client (Attackers.frame 0x88uy [| 3uy; 233uy |]) |> ignore
                        client.Read() =! End

                    raises<SocketException> <@ victim.Connect() @>
                    let told = Wait.forTask "the shutdown" shutdown
                    Scale.tell $"L9: %A{Map.toList told}"
                    // Handshakes that were pending are cut at once, and not counted.
                    told["forced"] >=! int64 (3 * some)

                    TimeSpan.FromMilliseconds(float told["took"])
                    <=! Scale.slack (TimeSpan.FromSeconds 3.0)

                    victim.Figures().Errors =! 0
                    Attackers.dispose (stalled @ stuck)

                    for socket in silent do
                        socket.Dispose())

            testCase "S1, S2 readers that don't read are cut by the keepalive, or by the shutdown" (fun () ->
                for ping in [ "1"; "off" ] do
                    use victim = new Victim([ "close=1"; $"ping={ping}" ])

                    let slow = [
                        for _ in 1 .. Scale.size 20 500 do
                            let client = new PeerClient(new SocketTransport(victim.Connect 4_096))
                            client.Write(PeerClient.Request.Replace("/chat", "/pour"))
                            client.ReadResponse() |> ignore
                            client
                    ]

                    let figures = victim.Figures()
                    Scale.tell $"S1: {slow.Length} slow readers, heap {figures.Heap / mebi} MiB"
                    figures.Heap <=! 16L * mebi + int64 slow.Length * 2L * 65_536L

                    if ping = "1" then
                        Wait.until "they are cut" (fun () -> victim.Handlers = 0)

                    let told = victim.Tell "shutdown"
                    told["forced"] =! (if ping = "1" then 0L else int64 slow.Length)

                    TimeSpan.FromMilliseconds(float told["took"])
                    <=! Scale.slack (TimeSpan.FromSeconds 1.5)

                    Attackers.dispose slow)
        ]
    )
