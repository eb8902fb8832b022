namespace FunctionalWs.Protocol

open System

/// Sums that stop at the largest and the smallest number instead of passing over them.
module internal Saturating =

    let private within (sum: Int128) : int64 = Int64.CreateSaturating sum

    let sum (left: int64) (right: int64) : int64 =
        within (Int128.op_Implicit left + Int128.op_Implicit right)

    /// The time after a time: `TimeSpan.MaxValue`, which is never, when there is none so late or the limit is none.
    let later (since: TimeSpan) (limit: TimeSpan) : TimeSpan =
        if limit = TimeSpan.MaxValue then
            TimeSpan.MaxValue
        else
            TimeSpan(sum since.Ticks limit.Ticks)

    /// The time after so many intervals.
    let laterBy (since: TimeSpan) (interval: TimeSpan) (times: int64) : TimeSpan =
        TimeSpan(
            within (
                Int128.op_Implicit since.Ticks
                + Int128.op_Implicit interval.Ticks * Int128.op_Implicit times
            )
        )

    /// How long it is from a time to another.
    let between (since: TimeSpan) (now: TimeSpan) : TimeSpan =
        TimeSpan(within (Int128.op_Implicit now.Ticks - Int128.op_Implicit since.Ticks))
