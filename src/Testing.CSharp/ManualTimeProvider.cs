namespace FunctionalWs.Testing;

/// <summary>
/// A clock that stands still until it is told to go on: for <see cref="ConnectionOptions.TimeProvider"/>, and for all that a
/// handler does with that. All members may be called from any thread.
/// </summary>
/// <remarks>
/// The server looks at its clock every 20 ms of real time, so what follows from an <see cref="Advance"/> comes a moment after
/// it: receive it, or wait for it with a bound.
/// </remarks>
public sealed class ManualTimeProvider : TimeProvider
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly object gate = new();
    private readonly List<ManualTimer> timers = [];
    private readonly DateTimeOffset start;
    private long elapsed; // ticks of 100 ns

    /// <summary>Makes a clock that stands at the beginning of the year 2000, UTC.</summary>
    public ManualTimeProvider()
        : this(new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero)) { }

    /// <summary>Makes a clock.</summary>
    /// <param name="start">Where it stands.</param>
    public ManualTimeProvider(DateTimeOffset start) => this.start = start.ToUniversalTime();

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>UTC.</summary>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override long GetTimestamp() => Interlocked.Read(ref elapsed);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => start.AddTicks(GetTimestamp());

    /// <summary>Lets time pass. Timers that fall due run on this thread, one after the other, each at its own time.</summary>
    /// <param name="time">How long: zero or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative.</exception>
    public void Advance(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        var until = GetTimestamp() + time.Ticks;
        while (TakeDue(until) is { } timer)
            timer.Run();
        lock (gate)
            elapsed = Math.Max(elapsed, until);
    }

    /// <summary>Makes a timer on this clock, as <see cref="Task.Delay(TimeSpan, TimeProvider)"/> does.</summary>
    /// <param name="callback">What it runs, on the thread that calls <see cref="Advance"/>.</param>
    /// <param name="state">What the callback is given.</param>
    /// <param name="dueTime">From now to the first run; <see cref="Timeout.InfiniteTimeSpan"/> for never.</param>
    /// <param name="period">Between two runs; zero or <see cref="Timeout.InfiniteTimeSpan"/> for a single one.</param>
    /// <exception cref="ArgumentOutOfRangeException">A time is negative.</exception>
    public override ITimer CreateTimer(
        TimerCallback callback,
        object? state,
        TimeSpan dueTime,
        TimeSpan period
    )
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>
    /// Waits until so many timers are set, those of <c>Task.Delay</c> and <c>PeriodicTimer</c> among them: the program has come to
    /// where it waits, and <see cref="Advance"/> finds them.
    /// </summary>
    /// <param name="count">How many, 0 or more; those that are set already count.</param>
    /// <param name="timeout">How long at most, in real time: zero or more; 10 seconds by default.</param>
    /// <exception cref="TimeoutException">There were fewer when the time was up.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The count or the timeout is negative.</exception>
    public void WaitForTimers(int count, TimeSpan? timeout = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var limit = timeout ?? Patience;
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, TimeSpan.Zero, nameof(timeout));
        var deadline = Deadline.After(System, limit);
        lock (gate)
        {
            while (timers.Count < count)
            {
                if (
                    !Monitor.Wait(gate, WaitingTime.ToWait(deadline.Remaining))
                    && deadline.HasPassed
                )
                    throw new TimeoutException(
                        Invariant($"{timers.Count} timers were set within {limit}, not {count}.")
                    );
            }
        }
    }

    /// <summary>When the next timer is due, as a timestamp; <see cref="long.MaxValue"/> for never.</summary>
    internal long NextDue
    {
        get
        {
            lock (gate)
                return timers.Count == 0 ? long.MaxValue : timers.Min(timer => timer.Due);
        }
    }

    /// <summary>Takes the timer that is due first, and puts the clock to its time.</summary>
    private ManualTimer? TakeDue(long until)
    {
        lock (gate)
        {
            if (timers.Where(timer => timer.Due <= until).MinBy(timer => timer.Due) is not { } next)
                return null;
            elapsed = Math.Max(elapsed, next.Due);
            if (next.Period > 0)
                next.Due += next.Period;
            else
                timers.Remove(next);
            return next;
        }
    }

    private sealed class ManualTimer(
        ManualTimeProvider clock,
        TimerCallback callback,
        object? state
    ) : ITimer
    {
        private bool isDisposed;

        public long Due { get; set; }

        public long Period { get; private set; }

        public void Run() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            CheckSpan(dueTime, nameof(dueTime));
            CheckSpan(period, nameof(period));
            lock (clock.gate)
            {
                if (isDisposed)
                    return false;
                clock.timers.Remove(this);
                Period = Math.Max(period.Ticks, 0);
                Due = clock.elapsed + dueTime.Ticks;
                if (dueTime != Timeout.InfiniteTimeSpan)
                    clock.timers.Add(this);
                Monitor.PulseAll(clock.gate);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock.gate)
            {
                isDisposed = true;
                clock.timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private static void CheckSpan(TimeSpan span, string name)
        {
            if (span < TimeSpan.Zero && span != Timeout.InfiniteTimeSpan)
                throw new ArgumentOutOfRangeException(
                    name,
                    span,
                    Invariant($"{name} is zero or more, or infinite.")
                );
        }
    }
}
