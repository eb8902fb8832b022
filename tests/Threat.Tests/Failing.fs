namespace FunctionalWs.Threat.Tests

open System
open System.Buffers
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading
open Microsoft.Extensions.Logging
open FunctionalWs


/// Operations that are counted, of which one fails; those of the thread that makes this are its own, and don't count.
type Failing(system: NativeFaults option) =
    let own = Environment.CurrentManagedThreadId
    let mutable count = 0
    let mutable at = Int32.MaxValue
    let mutable isCounting = false
    let mutable error: exn = null

    let switch (isOn: bool) =
        Volatile.Write(&isCounting, isOn)
        system |> Option.iter _.Count(isOn)

    /// Counts from one on, and lets the n-th fail.
    member _.Arm(n: int, fault: exn) =
        Volatile.Write(&count, 0)
        error <- fault
        at <- n
        switch true

    /// Counts no more; how many there were.
    member _.Disarm() : int =
        switch false

        match system with
        | Some system -> system.Counted
        | None -> Volatile.Read &count

    /// What is done meanwhile neither counts nor fails. Of system calls it is known whose they were, so all of them count.
    member _.Sparing(work: unit -> unit) =
        let was = Volatile.Read &isCounting
        Volatile.Write(&isCounting, false)

        try
            work ()
        finally
            Volatile.Write(&isCounting, was)

    /// One more operation; true when it is the one that fails.
    member _.IsNext() : bool =
        Volatile.Read &isCounting
        && Environment.CurrentManagedThreadId <> own
        && Interlocked.Increment &count = at

    /// One more operation, which throws if it is the one.
    member failing.Step() : unit =
        if failing.IsNext() then
            raise error

    /// True when the code of the application's handlers is what fails.
    member val IsOfHandlers = false with get, set

    /// One more operation of a handler.
    member failing.StepOfHandler() : unit =
        if failing.IsOfHandlers then
            failing.Step()

    /// True for what was thrown here.
    member _.Is(thrown: exn) = Object.ReferenceEquals(thrown, error)

/// A clock of the application's that throws.
type FailingClock(failing: Failing) =
    inherit TimeProvider()
    override _.TimestampFrequency = TimeProvider.System.TimestampFrequency

    override _.GetTimestamp() =
        failing.Step()
        TimeProvider.System.GetTimestamp()

    override _.GetUtcNow() =
        failing.Step()
        TimeProvider.System.GetUtcNow()

    override _.CreateTimer(callback, state, due, period) =
        failing.Step()
        TimeProvider.System.CreateTimer(callback, state, due, period)

/// A logger of the application's that throws: in records, in scopes and where it is asked whether it wants any.
type FailingLog(failing: Failing) =
    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable =
            failing.Step()

            {
                new IDisposable with
                    member _.Dispose() = failing.Step()
            }

        member _.IsEnabled _ =
            failing.Step()
            true

        member _.Log(_, _, state, error, format) =
            failing.Step()
            format.Invoke(state, error) |> ignore

    interface ILoggerFactory with
        member log.CreateLogger(_: string) = log :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

module FailingListeners =

    let private isOurs (name: string) =
        name.StartsWith("FunctionalWs", StringComparison.Ordinal)

    /// A listener of metrics that throws.
    let measure (failing: Failing) : IDisposable =
        let listener = new MeterListener()

        listener.InstrumentPublished <-
            fun instrument listener ->
                if isOurs instrument.Meter.Name then
                    listener.EnableMeasurementEvents instrument

        listener.SetMeasurementEventCallback<int>(fun _ _ _ _ -> failing.Step())
        listener.SetMeasurementEventCallback<int64>(fun _ _ _ _ -> failing.Step())
        listener.SetMeasurementEventCallback<float>(fun _ _ _ _ -> failing.Step())
        listener.Start()
        listener

    /// A listener of traces that throws.
    let trace (failing: Failing) : IDisposable =
        let listener = new ActivityListener()
        listener.ShouldListenTo <- fun source -> isOurs source.Name

        listener.Sample <-
            SampleActivity(fun _ ->
                failing.Step()
                ActivitySamplingResult.AllDataAndRecorded)

        listener.ActivityStarted <- fun _ -> failing.Step()
        listener.ActivityStopped <- fun _ -> failing.Step()
        ActivitySource.AddActivityListener listener
        listener

/// An extension of the application's that throws in each of its methods. It changes nothing.
type private FailingCodec(failing: Failing) =
    inherit Extension("own", [||], FunctionalWs.Protocol.ReservedBits.Rsv2)

    override _.Wants _ =
        failing.Step()
        true

    override _.Encode(data, _, destination) =
        failing.Step()
        destination.Write data
        failing.Step()

    override _.Decode(data, _, destination) =
        failing.Step()
        destination.Write data |> ignore
        failing.Step()
        Unchecked.defaultof<FunctionalWs.Protocol.ProtocolError>

    override _.Dispose() = failing.Step()

/// Offers that.
type FailingExtension(failing: Failing) =
    interface IServerExtension with
        member _.Name = "own"

        member _.Negotiate(_, _) =
            failing.Step()
            new FailingCodec(failing) :> Extension
