namespace FunctionalWs.Server.Tests

open System
open System.Threading

/// A clock that stands still until it is told to go on.
type FakeClock() =
    inherit TimeProvider()

    let start = DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)
    let mutable ticks = 0L

    override _.TimestampFrequency = TimeSpan.TicksPerSecond
    override _.GetTimestamp() = Interlocked.Read &ticks
    override clock.GetUtcNow() = start.AddTicks(clock.GetTimestamp())

    member _.Advance(time: TimeSpan) =
        Interlocked.Add(&ticks, time.Ticks) |> ignore
