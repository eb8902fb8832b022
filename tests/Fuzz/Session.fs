namespace FunctionalWs.Fuzz

open System
open System.Collections.Generic
open System.Diagnostics
open System.Runtime.InteropServices
open System.Threading

/// The processor's time of this thread: what others do on a busy machine doesn't count.
module ProcessorTime =

    [<Struct>]
    type private TimeSpec =
        val mutable Seconds: nativeint
        val mutable Nanoseconds: nativeint

    [<DllImport("libc", EntryPoint = "clock_gettime")>]
    extern int private GetTime(int clock, TimeSpec& time)

    let private threadClock = 3

    let now () : TimeSpan =
        let mutable time = TimeSpec()

        if OperatingSystem.IsLinux() && GetTime(threadClock, &time) = 0 then
            TimeSpan.FromSeconds(float time.Seconds)
            + TimeSpan.FromMicroseconds(float time.Nanoseconds / 1_000.0)
        else
            Stopwatch.GetElapsedTime 0L

/// How long and how often.
type Budget = {
    Executions: int64
    Time: TimeSpan
    Seed: uint64
}

/// An input that broke a rule.
type Find = {
    Input: byte[]
    Rule: string
    Detail: string
}

type Report = {
    Target: string
    Executions: int64
    Kept: byte[] list
    Time: TimeSpan
    Find: Find option
}

/// Looks for the thread that doesn't come back from an input.
[<Sealed>]
type Watchdog(limit: TimeSpan) =
    let mutable current: (string * byte[]) option = None
    let mutable since = Stopwatch.GetTimestamp()

    let look () =
        match current with
        | Some(name, input) when Stopwatch.GetElapsedTime since > limit ->
            let file = Corpus.saveFind name input
            printfn $"{name}: no end after {limit.TotalSeconds:F0} s: {file}"
            printfn "0 passed, 1 failed"
            exit 1
        | _ -> ()

    let timer =
        new Timer((fun _ -> look ()), null, TimeSpan.FromSeconds 1.0, TimeSpan.FromSeconds 1.0)

    member _.Watch(name: string, input: byte[]) =
        since <- Stopwatch.GetTimestamp()
        current <- Some(name, input)

    interface IDisposable with
        member _.Dispose() = timer.Dispose()

/// One target being fed: keeps what shows something new, and makes further inputs of that.
[<Sealed>]
type Session(target: Target, budget: Budget, watchdog: Watchdog) =

    // The runtime may compile or collect for a while: only what is slow each time is slow.
    static let slow = TimeSpan.FromMilliseconds 400.0

    static let minimising = TimeSpan.FromSeconds 20.0

    let dice = Dice.ofName budget.Seed target.Name
    let trail = Trail()
    let kept = List<byte[]>()
    let bySignature = Dictionary<uint64, int>()
    let hits = List<int>()
    let started = Stopwatch.GetTimestamp()
    let mutable executions = 0L
    let mutable find: Find option = None

    let run (input: byte[]) : TimeSpan =
        watchdog.Watch(target.Name, input)
        trail.Clear()
        let from = ProcessorTime.now ()
        target.Execute trail input
        ProcessorTime.now () - from

    let requireFast (input: byte[]) (first: TimeSpan) =
        if first > slow then
            let fastest = Seq.min [ for _ in 1..4 -> run input ]

            if fastest > slow then
                Oracle.fail "time" $"{fastest.TotalMilliseconds:F0} ms"

    let ruleOf (error: exn) =
        match error with
        | Broken(rule, _) -> rule
        | other -> other.GetType().Name

    /// The rule that an input breaks.
    let broken (input: byte[]) : string option =
        try
            requireFast input (run input)
            None
        with error ->
            Some(ruleOf error)

    let note (input: byte[]) (error: exn) =
        let rule = ruleOf error
        let from = Stopwatch.GetTimestamp()

        let isInTime () =
            Stopwatch.GetElapsedTime from < minimising

        let least =
            input
            |> Minimise.find (fun candidate -> isInTime () && broken candidate = Some rule)

        let detail =
            try
                run least |> ignore
                error.ToString()
            with again ->
                again.ToString()

        find <-
            Some {
                Input = least
                Rule = rule
                Detail = detail
            }

    let keep (input: byte[]) =
        match bySignature.TryGetValue trail.Signature with
        | true, at ->
            hits[at] <- hits[at] + 1

            if input.Length < kept[at].Length then
                kept[at] <- input
        | false, _ ->
            bySignature[trail.Signature] <- kept.Count
            kept.Add input
            hits.Add 1

    let execute (input: byte[]) =
        executions <- executions + 1L

        try
            requireFast input (run input)
            keep input
        with error ->
            note input error

    /// The one of two that leads where fewer inputs lead.
    let parent () : byte[] =
        let first, second = dice.Below kept.Count, dice.Below kept.Count

        if hits[first] <= hits[second] then
            kept[first]
        else
            kept[second]

    let next () : byte[] =
        match dice.Below 8 with
        | _ when kept.Count = 0 -> target.Generate dice
        | 0 -> target.Generate dice
        | 1
        | 2
        | 3 -> target.Mutate dice (parent ())
        | 4 ->
            target.Mutate dice (parent ())
            |> Mutations.several dice target.Words target.MaxSize (parent ())
        | _ -> Mutations.several dice target.Words target.MaxSize (parent ()) (parent ())
        |> Array.truncate target.MaxSize

    let isOver () =
        find.IsSome
        || executions >= budget.Executions
        || Stopwatch.GetElapsedTime started > budget.Time

    member _.Run() : Report =
        for input in Corpus.load target.Name do
            if find.IsNone then
                execute input

        while not (isOver ()) do
            execute (next ())

        {
            Target = target.Name
            Executions = executions
            Kept = List.ofSeq kept
            Time = Stopwatch.GetElapsedTime started
            Find = find
        }

    /// The signature of an input that breaks no rule.
    member _.TrySignature(input: byte[]) : uint64 option =
        try
            run input |> ignore
            Some trail.Signature
        with _ ->
            None
