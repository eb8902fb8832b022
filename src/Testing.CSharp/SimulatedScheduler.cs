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

    private const string ForeignText =
        "Asynchronous code goes on from a thread that is not the simulation's: what it awaits is completed elsewhere, or was awaited with ConfigureAwait(false).";

    private const long MaxSteps = 100_000_000;
    private const int MaxStepsAtOnce = 300_000; // without time passing

    private readonly Random random;
    private readonly Random bytes;
    private readonly ManualTimeProvider clock;
    private readonly Schedule? schedule;
    private readonly List<SimulatedThread> threads = [];
    private readonly List<SimulatedThread> ready = [];
    private readonly PriorityQueue<long, long> due = new();
    private readonly Dictionary<object, int> pulses = [];
    private readonly double stickiness; // how likely a thread goes on that can
    private readonly double slippage; // how likely time passes while threads run
    private SimulatedThread? current;
    private readonly Func<Func<bool>, bool> ask;
    private bool isAdvancing; // timers run
    private bool isAsking; // a condition
    private int started;
    private long steps;
    private int stepsAtOnce;

    /// <param name="seed">What determines the run.</param>
    /// <param name="clock">The time.</param>
    /// <param name="schedule">Says who goes on, in the place of the seed; null for the seed.</param>
    public SimulatedScheduler(int seed, ManualTimeProvider clock, Schedule? schedule)
    {
        this.clock = clock;
        this.schedule = schedule;
        ask = Ask;
        random = Seeds.Stream(seed, 1);
        bytes = Seeds.Stream(seed, 2);
        stickiness = random.Next(3) switch
        {
            0 => 0,
            1 => 0.5,
            _ => 0.9,
        };
        slippage = random.Next(2) == 0 || schedule is not null ? 0 : 0.02;
    }

    /// <summary>Told once: null when all threads have returned, else why the run can't go on.</summary>
    public Action<Exception?> Ended { get; set; } = _ => { };

    public Trace Trace { get; } = new();

    /// <summary>True when each order is tried, and none chosen by a seed.</summary>
    public bool IsExploring => schedule is not null;

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
    public bool Block(Func<bool>? condition, long until, string awaited) =>
        Block(condition, until, awaited, Meeting.Application);

    /// <summary>The same before something is used that others may use, too.</summary>
    public bool Block(Func<bool>? condition, long until, string awaited, Meeting next)
    {
        if (current is not { IsCurrent: true } self)
            throw new InvalidOperationException(OutsideText);
        if (isAdvancing)
            throw new InvalidOperationException(TimerText);
        self.Await(condition, until, awaited, next);
        var chosen = Choose(self);
        if (chosen != self)
        {
            Resume(chosen);
            self.Pause();
        }
        return condition is null || Ask(condition);
    }

    private bool Ask(Func<bool> condition)
    {
        isAsking = true;
        try
        {
            return condition();
        }
        finally
        {
            isAsking = false;
        }
    }

    /// <summary>Lets time pass, or others go first.</summary>
    public void Sleep(TimeSpan time)
    {
        schedule?.Yield();
        Block(() => false, After(time), "a time");
    }

    public void Note(string subject, string what, Amount amount = default, byte[]? data = null) =>
        Trace.Add(Now, subject, what, amount, data);

    // ---- The server's side

    protected override void AwaitFree(Lock gate)
    {
        if (schedule is not null)
            Meet(gate, Access.Enter);
        else if (!gate.IsHeldByCurrentThread)
            Block(() => IsFree(gate), long.MaxValue, "a gate");
    }

    protected override void MeetAt(object place, Access access)
    {
        var next = new Meeting(place, access);
        // Not in what is asked or done while nobody runs: conditions and timers.
        if (current is not { IsCurrent: true } self || isAdvancing || isAsking)
            return;
        if (access is not Access.Enter)
            Block(null, 0, "a turn", next);
        else if (self.Next != next && !IsOwn(place)) // else it has just waited for that
            Block(() => IsFree(place), long.MaxValue, "a lock", next);
    }

    protected override void AwaitEnd(Task task) =>
        Block(() => task.IsCompleted, long.MaxValue, "a task");

    public override void Post(Action goOn)
    {
        if (current is { IsCurrent: false })
            Ended(new InvalidOperationException(ForeignText));
        else
            StartThread("continuation", goOn);
    }

    public override void OnEnded(Task task, Action goOn) =>
        Post(() =>
        {
            AwaitEnd(task);
            goOn();
        });

    public override Task CancelAsync(CancellationTokenSource source)
    {
        var ended = new TaskCompletionSource();
        Post(() =>
        {
            try
            {
                source.Cancel();
                ended.SetResult();
            }
            catch (Exception error)
            {
                ended.SetException(error);
            }
        });
        return ended.Task;
    }

    public override void Yield()
    {
        if (schedule is null) // where schedules are explored, others meet at places
            Block(null, 0, "a turn");
    }

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
            "an event",
            new(signal, Access.Read)
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
            "a signal",
            new(signal, Access.Read)
        );
    }

    public override bool Wait(object monitor, TimeSpan timeout)
    {
        var before = pulses.GetValueOrDefault(monitor);
        Meet(monitor, Access.Leave);
        Monitor.Exit(monitor);
        var isPulsed = Block(
            () => pulses.GetValueOrDefault(monitor) != before,
            After(timeout),
            "a pulse",
            new(monitor, Access.Write)
        );
        Meet(monitor, Access.Enter);
        Monitor.Enter(monitor);
        return isPulsed;
    }

    public override void PulseAll(object monitor) =>
        pulses[monitor] = pulses.GetValueOrDefault(monitor) + 1;

    public override void Fill(Span<byte> bytes) => this.bytes.NextBytes(bytes);

    public override bool HasLoops => UsesLoops;

    /// <summary>True when message handlers are to have their turns in loops; on a thread of each connection otherwise.</summary>
    public bool UsesLoops { get; set; }

    public override Readiness NewReadiness() => new SimulatedReadiness(this);

    public override long Milliseconds => Now / TimeSpan.TicksPerMillisecond;

    // ---- Threads

    /// <summary>Starts a thread, which gets its first turn at some later point.</summary>
    public SimulatedThread StartThread(string name, Action run)
    {
        var thread = new SimulatedThread(this, started++, name);
        threads.Add(thread);
        thread.Await(null, 0, "its first turn", Meeting.Application);
        schedule?.Started(thread, current);
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
        if (schedule is not null)
            Explore();
        Exception? failure = null;
        try
        {
            run();
        }
        catch (Exception error)
        {
            failure = error;
        }

        if (schedule is not null)
            Leave();
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
        var hasTimePassed = false;
        while (!TryFindReady())
        {
            if (!TryAdvance())
                return Fail("Nothing can go on");
            hasTimePassed = true;
        }
        if (TryFindChosen(self, hasTimePassed) is not { } next)
            return null;
        if (next != self)
            Note(next.Name, "goes on as thread", Amount.Number(next.Number));
        return next;
    }

    private SimulatedThread? TryFindChosen(SimulatedThread? self, bool hasTimePassed)
    {
        try
        {
            return Chosen(self, hasTimePassed);
        }
        catch (InvalidOperationException error)
        {
            Ended(error); // the schedule can't be followed
            return null;
        }
    }

    private SimulatedThread Chosen(SimulatedThread? self, bool hasTimePassed)
    {
        if (schedule is not null)
            return schedule.Choose(ready, self, hasTimePassed);
        return self is not null && ready.Contains(self) && random.NextDouble() < stickiness
            ? self
            : ready[random.Next(ready.Count)];
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
            if (thread.IsReady(now, ask))
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

    /// <summary>True when this thread holds the lock.</summary>
    private static bool IsOwn(object gate) =>
        gate is Lock { IsHeldByCurrentThread: true } || gate is not Lock && Monitor.IsEntered(gate);

    // Asked by whichever thread chooses, which may be the one that holds it.
    private static bool IsFree(object gate)
    {
        if (gate is Lock it)
            return IsFree(it);
        if (Monitor.IsEntered(gate) || !Monitor.TryEnter(gate))
            return false;
        Monitor.Exit(gate);
        return true;
    }

    private static bool IsFree(Lock gate)
    {
        if (gate.IsHeldByCurrentThread || !gate.TryEnter())
            return false;
        gate.Exit();
        return true;
    }
}
