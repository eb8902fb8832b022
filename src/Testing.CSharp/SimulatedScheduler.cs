namespace FunctionalWs.Testing;

/// <summary>
/// Lets one thread run at a time. Whenever it comes to a point where it may have to wait, a seeded choice says who goes on
/// among those that can; when nobody can, time goes on to the next thing that is due. So a seed determines everything.
/// </summary>
internal sealed class SimulatedScheduler : Scheduler
{
    private const string OutsideText =
        "A simulation's servers, clients and members are for its own threads only: the test, handlers, and what Start runs.";

    private const string TimerText =
        "A timer of the simulation went on with what waits: await without ConfigureAwait(false), which leaves the simulation's threads.";

    private const long MaxSteps = 100_000_000;
    private const int MaxStepsAtOnce = 300_000; // without time passing

    private readonly Random random;
    private readonly Random bytes;
    private readonly ManualTimeProvider clock;
    private readonly List<SimulatedThread> threads = [];
    private readonly List<SimulatedThread> ready = [];
    private readonly PriorityQueue<long, long> due = new();
    private readonly Dictionary<object, int> pulses = [];
    private readonly double stickiness; // how likely a thread goes on that can
    private readonly double slippage; // how likely time passes while threads run
    private SimulatedThread? current;
    private bool isAdvancing; // timers run
    private int started;
    private long steps;
    private int stepsAtOnce;

    public SimulatedScheduler(int seed, ManualTimeProvider clock)
    {
        this.clock = clock;
        random = Seeds.Stream(seed, 1);
        bytes = Seeds.Stream(seed, 2);
        stickiness = random.Next(3) switch
        {
            0 => 0,
            1 => 0.5,
            _ => 0.9,
        };
        slippage = random.Next(2) == 0 ? 0 : 0.02;
    }

    /// <summary>Told once: null when all threads have returned, else why the run can't go on.</summary>
    public Action<Exception?> Ended { get; set; } = _ => { };

    public Trace Trace { get; } = new();

    public TimeProvider Clock => clock;

    public long Now => clock.GetTimestamp();

    /// <summary>The time that has passed while threads could run: the slowness of the machine.</summary>
    public long Slipped { get; private set; }

    /// <summary>How many decisions were taken.</summary>
    public long Steps => Volatile.Read(ref steps);

    /// <summary>Those that have not returned, with what they wait for.</summary>
    public string Describe() =>
        string.Join(
            ", ",
            threads.Select(thread => Invariant($"{thread} waits for {thread.Awaited}"))
        );

    /// <summary>The point in time after a span; never, for null or an infinite one.</summary>
    public long After(TimeSpan? span) =>
        span is not { } time || time == Timeout.InfiniteTimeSpan
            ? long.MaxValue
            : Deadline.After(clock, time).Timestamp;

    /// <summary>Something will happen by itself at a point in time.</summary>
    public void Expect(long time)
    {
        if (time > Now && time < long.MaxValue)
            due.Enqueue(time, time);
    }

    /// <summary>Waits until a condition holds; false when the time was up first.</summary>
    public bool Block(Func<bool>? condition, long until, string awaited)
    {
        if (current is not { IsCurrent: true } self)
            throw new InvalidOperationException(OutsideText);
        if (isAdvancing)
            throw new InvalidOperationException(TimerText);
        self.Await(condition, until, awaited);
        var next = Choose(self);
        if (next != self)
        {
            Resume(next);
            self.Pause();
        }
        return condition is null || condition();
    }

    public void Note(string subject, string what, Amount amount = default, byte[]? data = null) =>
        Trace.Add(Now, subject, what, amount, data);

    // ---- The server's side

    protected override void AwaitFree(Lock gate)
    {
        if (gate.IsHeldByCurrentThread)
            return;
        Block(() => IsFree(gate), long.MaxValue, "a gate");
    }

    protected override void AwaitEnd(Task task) =>
        Block(() => task.IsCompleted, long.MaxValue, "a task");

    public override void Post(Action goOn) => StartThread("continuation", goOn);

    public override void Yield() => Block(null, 0, "a turn");

    public override void Start(string name, Action run) => StartThread(name, run);

    public override bool Wait(
        ManualResetEventSlim signal,
        TimeSpan timeout,
        CancellationToken cancellation = default
    )
    {
        Block(
            () => signal.IsSet || cancellation.IsCancellationRequested,
            After(timeout),
            "an event"
        );
        if (!signal.IsSet)
            cancellation.ThrowIfCancellationRequested();
        return signal.IsSet;
    }

    public override bool Wait(Signal signal, TimeSpan timeout)
    {
        var isTaken = false;
        return Block(
            () => isTaken = isTaken || signal.Wait(TimeSpan.Zero),
            After(timeout),
            "a signal"
        );
    }

    public override bool Wait(object monitor, TimeSpan timeout)
    {
        var before = pulses.GetValueOrDefault(monitor);
        Monitor.Exit(monitor);
        var isPulsed = Block(
            () => pulses.GetValueOrDefault(monitor) != before,
            After(timeout),
            "a pulse"
        );
        Monitor.Enter(monitor);
        return isPulsed;
    }

    public override void PulseAll(object monitor) =>
        pulses[monitor] = pulses.GetValueOrDefault(monitor) + 1;

    public override void Fill(Span<byte> bytes) => this.bytes.NextBytes(bytes);

    // ---- Threads

    /// <summary>Starts a thread, which gets its first turn at some later point.</summary>
    public SimulatedThread StartThread(string name, Action run)
    {
        var thread = new SimulatedThread(this, started++, name);
        threads.Add(thread);
        thread.Await(null, 0, "its first turn");
        Carrier.Run(() => Carry(thread, run));
        return thread;
    }

    /// <summary>Lets the first thread go, when nobody has begun to run.</summary>
    public void Begin() => Resume(Choose(null)!);

    private void Carry(SimulatedThread thread, Action run)
    {
        thread.BeginOnThisThread();
        thread.Pause();
        SynchronizationContext.SetSynchronizationContext(new SimulatedContext(this));
        Exception? failure = null;
        try
        {
            run();
        }
        catch (Exception error)
        {
            failure = error;
        }

        thread.HasEnded = true;
        threads.Remove(thread);
        if (failure is not null || threads.Count == 0)
            Ended(failure);
        else if (TryChoose(null) is { } next)
            Resume(next);
    }

    private void Resume(SimulatedThread thread)
    {
        current = thread;
        thread.Resume();
    }

    /// <summary>Says who goes on; stands still for ever when nobody can, after telling.</summary>
    private SimulatedThread Choose(SimulatedThread? self)
    {
        if (TryChoose(self) is { } next)
            return next;
        self?.Pause(); // abandoned: the run is over
        throw new InvalidOperationException("An abandoned thread was resumed.");
    }

    private SimulatedThread? TryChoose(SimulatedThread? self)
    {
        Volatile.Write(ref steps, steps + 1);
        if (steps > MaxSteps)
            return Fail(Invariant($"The run did not come to an end within {MaxSteps} steps"));
        if (++stepsAtOnce > MaxStepsAtOnce)
            return Fail(
                Invariant($"Threads are busy for ever: {MaxStepsAtOnce} steps, and no time passed")
            );
        Slip();
        while (!TryFindReady())
        {
            if (!TryAdvance())
                return Fail("Nothing can go on");
        }
        var next =
            self is not null && ready.Contains(self) && random.NextDouble() < stickiness
                ? self
                : ready[random.Next(ready.Count)];
        if (next != self)
            Note(next.Name, "goes on as thread", Amount.Number(next.Number));
        return next;
    }

    private SimulatedThread? Fail(string text)
    {
        Ended(new TimeoutException(Invariant($"{text}: {Describe()}.")));
        return null;
    }

    private bool TryFindReady()
    {
        ready.Clear();
        var now = Now;
        foreach (var thread in threads)
        {
            if (thread.IsReady(now))
                ready.Add(thread);
        }
        return ready.Count > 0;
    }

    /// <summary>A slow machine: time passes though somebody could run.</summary>
    private void Slip()
    {
        if (slippage == 0 || random.NextDouble() >= slippage)
            return;
        var span = random.Next((int)(4 * TimeSpan.TicksPerMillisecond));
        Slipped += span;
        Advance(span);
        Note("machine", "is slow for", Amount.Duration(span));
    }

    private bool TryAdvance()
    {
        var next = clock.NextDue;
        foreach (var thread in threads)
            next = Math.Min(next, thread.Until);
        while (due.TryPeek(out var time, out _) && time <= Now)
            due.Dequeue();
        if (due.TryPeek(out var arrival, out _))
            next = Math.Min(next, arrival);
        if (next == long.MaxValue)
            return false;
        Advance(next - Now);
        stepsAtOnce = 0;
        return true;
    }

    /// <summary>What timers complete goes on elsewhere: this thread is choosing who does.</summary>
    private void Advance(long span)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        isAdvancing = true;
        try
        {
            clock.Advance(TimeSpan.FromTicks(span));
        }
        finally
        {
            isAdvancing = false;
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private static bool IsFree(Lock gate)
    {
        // Asked by whichever thread chooses, which may be the one that holds it.
        if (gate.IsHeldByCurrentThread || !gate.TryEnter())
            return false;
        gate.Exit();
        return true;
    }
}
