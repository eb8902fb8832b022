/// What must hold whatever a server is attacked with.
module FunctionalWs.Threat.Tests.Vitals

open System
open System.Diagnostics
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs.Server.Tests

let private mebi = 1024L * 1024L

/// A keepalive that gives clients up soon, but not honest ones that a busy machine leaves no time to answer.
let quickKeepalive = [ "ping=1"; "answer=8" ]

/// A client that was silent for a while is pinged.
let rec readText (client: PeerClient) : string =
    match client.Read() with
    | PingOf _ -> readText client
    | Data(_, true, payload) -> Text.Encoding.UTF8.GetString payload
    | other -> failwith $"a text was expected, not {other}"

/// An honest client beside the attack, and new ones that come meanwhile.
type private Bystander(victim: Victim, connect: string -> PeerClient) =
    let mutable isOver = false
    let echoes = Collections.Generic.List<TimeSpan>()
    let openings = Collections.Generic.List<TimeSpan>()
    let mutable threads = 0

    let echo (client: PeerClient) (text: string) =
        client.SendText text
        readText client =! text

    let newcomer () =
        let watch = Stopwatch.StartNew()
        use client = connect "/chat"
        echo client "new"
        openings.Add watch.Elapsed

    let stay () =
        use client = connect "/chat"
        let mutable number = 0

        while not isOver do
            if number % 50 = 0 then
                newcomer ()

            let watch = Stopwatch.StartNew()
            echo client $"{number}"
            echoes.Add watch.Elapsed
            threads <- max threads (Processes.threads victim.Id)
            number <- number + 1
            // Between two of them is time for others; a wait for the end of the attack, not a sleep.
            SpinWait.SpinUntil((fun () -> isOver), TimeSpan.FromMilliseconds 5.0) |> ignore

        newcomer ()

    let staying = Wait.start stay

    /// Ends it; gives the 99th percentile of its round trips, the longest time that a new client took, and the most
    /// threads that it saw.
    member _.End() : TimeSpan * TimeSpan * int =
        Volatile.Write(&isOver, true)
        Wait.forTask "the honest client" staying
        let sorted = echoes |> Seq.sort |> Array.ofSeq
        sorted[(sorted.Length - 1) * 99 / 100], Seq.max openings, threads

/// The idle threads that the server keeps for five seconds, and a few of the runtime.
let private spareThreads = if Scale.isFull then 2 else 20

/// What the runtime's pool of arrays keeps for later: up to 32 of a size for each core, so 4 MiB of those of 64 KiB alone.
let private pooled = 8L * mebi

let private isBack (before: Figures) (now: Figures) =
    now.Handlers <= before.Handlers
    && now.Threads <= before.Threads + spareThreads
    && now.Descriptors <= before.Descriptors + 2
    && now.Heap <= before.Heap + pooled

/// What an attack cost at its worst.
type Cost = {
    Round: TimeSpan
    Opening: TimeSpan
    Peak: int64
    Threads: int
}

let private runBeside (victim: Victim) (connect: string -> PeerClient) (attack: unit -> unit) : Cost =
    let there = victim.Handlers

    // Whatever is made once is there before anything is measured.
    using (connect "/chat") (fun client ->
        client.SendText "warm"
        readText client =! "warm")

    Wait.until "it has left" (fun () -> victim.Handlers <= there)
    let before = victim.Figures()
    let resident = Processes.resident victim.Id
    Processes.forgetPeak victim.Id
    let bystander = Bystander(victim, connect)
    attack ()
    let round, opening, threads = bystander.End()
    let mutable after = victim.Figures()

    // A collection stops all threads: it waits until the handlers have left.
    let isSettled () =
        victim.Handlers <= before.Handlers
        && (after <- victim.Figures()
            isBack before after)

    if not (SpinWait.SpinUntil(isSettled, Wait.limit)) then
        failwith $"not back to %A{before} but %A{after}"

    (after.Errors, after.Unobserved) =! (before.Errors, before.Unobserved)

    {
        Round = round
        Opening = opening
        Peak = Processes.peak victim.Id - resident
        Threads = threads
    }

let private judge (name: string) (cost: Cost) =
    Scale.tell (
        $"{name}: p99 %.0f{cost.Round.TotalMilliseconds} ms, new client %.0f{cost.Opening.TotalMilliseconds} ms, "
        + $"peak +%.1f{float cost.Peak / float mebi} MiB, %d{cost.Threads} threads"
    )

    cost.Round <=! Scale.slack (TimeSpan.FromMilliseconds 250.0)
    cost.Opening <=! Scale.slack (TimeSpan.FromSeconds 1.0)

/// Attacks a server: an honest client loses nothing and is served in time (V1), new ones get in (V2), and when the attack
/// is over everything is as before (V3), without an error (V4).
let survives (name: string) (victim: Victim) (attack: unit -> unit) : Cost =
    let cost = runBeside victim victim.Open attack
    judge name cost
    cost

/// The same for a server with TLS.
let survivesTls (name: string) (victim: Victim) (attack: unit -> unit) : Cost =
    let cost = runBeside victim victim.OpenTls attack
    judge name cost
    cost

/// A test of one attack on a server of its own.
let testAttack (name: string) (options: string list) (attack: Victim -> unit) : Test =
    testCase name (fun () ->
        use victim = new Victim(options)
        survives name victim (fun () -> attack victim) |> ignore)

/// The same, with a bound on the memory that it takes at its worst.
let testAttackWithin (name: string) (bound: int64) (options: string list) (attack: Victim -> unit) : Test =
    testCase name (fun () ->
        use victim = new Victim(options)
        let cost = survives name victim (fun () -> attack victim)
        cost.Peak <=! bound)
