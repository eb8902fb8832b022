/// Long runs: what a server holds after hours is what it held after minutes.
module FunctionalWs.Threat.Tests.ThreatSoakTests

open System
open System.Diagnostics
open System.Globalization
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs.Server.Tests

/// FUNCTIONALWS_SOAK_MINUTES says for how long; an hour in full size, and 20 seconds in every build.
let private length =
    match Environment.GetEnvironmentVariable "FUNCTIONALWS_SOAK_MINUTES" with
    | null
    | "" ->
        if Scale.isFull then
            TimeSpan.FromHours 1.0
        else
            TimeSpan.FromSeconds 20.0
    | minutes -> TimeSpan.FromMinutes(Double.Parse(minutes, CultureInfo.InvariantCulture))

/// Whether all is there that comes with time: compiled code, pools, the runtime's own threads.
let private isLong = length >= TimeSpan.FromMinutes 20.0

/// When what is held counts as all that will be, and how often it is looked at then.
let private warmUp, interval =
    if isLong then
        TimeSpan.FromMinutes 10.0, TimeSpan.FromMinutes 4.0
    else
        length / 4.0, length / 4.0

/// What a process holds while its clients are silent.
type private Held = {
    Descriptors: int
    Threads: int
    Rented: int
    Native: int64
    Heap: int64
    Resident: int64
    Connections: int
    Errors: int
    Unobserved: int
}

/// The measured process.
type private Soaked() =
    // Memory counts as full, so that each collection empties the runtime's pools of arrays: what is left is held by somebody.
    let settings = [ "DOTNET_GCgen0size", "0x400000"; "DOTNET_GCHighMemPercent", "1" ]
    let running = Processes.again "soaked" [] settings None
    let gate = obj ()

    let line () =
        let reading = running.StandardOutput.ReadLineAsync()

        if not (reading.Wait(TimeSpan.FromMinutes 2.0)) then
            failwith "waited in vain for the measured process to answer"

        match reading.Result with
        | null -> failwith "the measured process is dead"
        | line -> line.Split ' ' |> Array.map int64

    let tell (command: string) =
        lock gate (fun () ->
            running.StandardInput.WriteLine command
            running.StandardInput.Flush()
            line ())

    let servers = [
        for which, port in Seq.indexed (line ()) ->
            {
                Port = int port
                HasTls = (which = 2 || which = 3 || which = 5)
                IsLasting = which < 4
            }
    ]

    member _.Servers = servers

    member _.Restart() =
        for server, port in Seq.zip servers (tell "restart") do
            server.Port <- int port

    member _.Held() : Held =
        let told = tell "figures"

        {
            Heap = told[0]
            Native = told[1]
            Rented = int told[2]
            Connections = int told[3]
            Errors = int told[4]
            Unobserved = int told[5]
            Threads = Processes.threads running.Id
            Descriptors = Processes.descriptors running.Id
            Resident = Processes.resident running.Id
        }

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill()

            running.WaitForExit()
            running.Dispose()

let private describe (held: Held) =
    $"{held.Descriptors} descriptors, {held.Threads} threads, {held.Rented} buffers rented, "
    + $"{held.Native / 1024L} KiB native, {held.Heap / 1024L} KiB heap, {held.Resident / 1024L} KiB resident"

/// Idle threads of a server end after five seconds, and histories of compression after one.
let private quiet = TimeSpan.FromSeconds 6.5

let private waitFor (what: string) (time: TimeSpan) (condition: unit -> bool) =
    if not (SpinWait.SpinUntil(condition, time)) then
        failwith $"waited in vain for {what}"

/// Stops everybody between two rounds, and looks when the last of their visitors have gone.
let private look (soaked: Soaked) (pace: Pace) (workers: Task list) (expected: int) : Held =
    pace.Pause()

    waitFor "the clients to pause" (TimeSpan.FromMinutes 1.0) (fun () ->
        workers |> List.exists _.IsCompleted || pace.Parked = workers.Length)

    for worker in workers do
        if worker.IsFaulted then
            worker.Wait()

    SpinWait.SpinUntil((fun () -> false), quiet) |> ignore
    let mutable held = soaked.Held()

    waitFor "the visitors to be gone" (TimeSpan.FromSeconds 20.0) (fun () ->
        held <- soaked.Held()
        held.Connections = expected)

    pace.Resume()
    held

/// The most that may be held, of what was held after the first time.
let private within (share: float) (least: int64) (before: int64) (after: int64) =
    float (after - before) <= max (share * float before) (float least)

let private judge (all: Held list) =
    let before, after = List.head all, List.last all
    // A short one hasn't compiled all of its code before it begins, and the runtime hasn't all its threads.
    let share = if isLong then 0.02 else 0.1
    let few = if isLong then 2L else 8L
    let heap = if isLong then 128L * 1024L else 512L * 1024L // or so much: tables of the runtime come and go
    let flat = within share

    let isFlat =
        flat few (int64 before.Descriptors) (int64 after.Descriptors)
        && flat few (int64 before.Threads) (int64 after.Threads)
        && after.Rented <= before.Rented
        && flat 0L before.Native after.Native
        && flat heap before.Heap after.Heap

    if not isFlat then
        failwith $"after the first time {describe before}, at the end {describe after}"

    (after.Errors, after.Unobserved) =! (0, 0)

[<Tests>]
let soak =
    testSequenced (
        testList "threats of long runs" [
            testCase
                "R9 after hours of everything together a server holds what it held after minutes"
                (fun () ->
                    use soaked = new Soaked()
                    let lasting = soaked.Servers |> List.filter _.IsLasting
                    let pace = Pace(TimeSpan.FromMilliseconds(if isLong then 20.0 else 5.0))
                    let numbered = List.indexed soaked.Servers

                    let workers = [
                        for which, server in numbered do
                            if server.IsLasting then
                                Wait.start (SoakLoad.stay pace which server) :> Task

                            Wait.start (SoakLoad.visit pace which server)

                        for seed in 1..2 do
                            Wait.start (SoakLoad.harm pace lasting seed)

                        Wait.start (SoakLoad.restart pace (TimeSpan.FromSeconds 3.0) soaked.Restart)
                    ]

                    let expected = SoakLoad.staying * lasting.Length
                    let watch = Stopwatch.StartNew()
                    let isOver () = watch.Elapsed >= length

                    let next (time: TimeSpan) =
                        let until = watch.Elapsed + time

                        SpinWait.SpinUntil(
                            (fun () -> workers |> List.exists _.IsCompleted || watch.Elapsed >= until),
                            time
                        )
                        |> ignore

                        let held = look soaked pace workers expected
                        Scale.tell $"R9 %.0f{watch.Elapsed.TotalSeconds} s: {describe held}"
                        held

                    let mutable all = [ next warmUp ]

                    while not (isOver ()) do
                        all <- all @ [ next interval ]

                    pace.End()

                    for worker in workers do
                        if not (worker.Wait Wait.limit) then
                            failwith "waited in vain for a worker to end"

                    judge all)
        ]
    )
