namespace FunctionalWs.Testing;

/// <summary>
/// Which thread goes on at each point of one run: as it is prescribed, as far as that goes; then the thread that ran before, as long as it
/// can, and after it the next one.
/// </summary>
/// <param name="prescribed">The numbers of threads, by the number of the step; whoever isn't named there is left to the rule.</param>
internal sealed class Schedule(IReadOnlyDictionary<int, int> prescribed)
{
    private readonly List<ScheduleStep> steps = [];
    private readonly Dictionary<int, int> starters = []; // the step that started a thread

    private bool isYielding;
    private bool isOpened;
    private int first; // of the part in which other orders are tried
    private int? end; // of that part, once it is known

    /// <summary>What was done, in order.</summary>
    public IReadOnlyList<ScheduleStep> Steps => steps;

    /// <summary>The step that started a thread; -1 for the first.</summary>
    public int StarterOf(int thread) => starters.GetValueOrDefault(thread, -1);

    /// <summary>A thread was started.</summary>
    public void Started(SimulatedThread thread, SimulatedThread? by)
    {
        if (by is not null)
            starters[thread.Number] = steps.Count - 1;
    }

    /// <summary>The first step at which other orders are tried.</summary>
    public int First => first;

    /// <summary>True when other orders are tried at a step.</summary>
    public bool IsOpen(int step) => step >= first && step < (end ?? int.MaxValue);

    /// <summary>Other orders are tried from now on only.</summary>
    /// <exception cref="InvalidOperationException">They were before.</exception>
    public void Open()
    {
        if (isOpened)
            throw new InvalidOperationException(
                "Interleave runs one part of a test, and has run it."
            );
        isOpened = true;
        first = steps.Count;
    }

    /// <summary>Other orders are tried no more.</summary>
    public void Close() => end ??= steps.Count;

    /// <summary>Whoever runs lets others go first this time, as far as they can.</summary>
    public void Yield() => isYielding = true;

    /// <summary>Says who goes on among those that can.</summary>
    /// <param name="ready">Those.</param>
    /// <param name="self">Who ran before; null for nobody.</param>
    /// <param name="hasTimePassed">True when nobody could go on before that: that another comes first then is no preemption.</param>
    /// <exception cref="InvalidOperationException">Who is to go on can't: the test did something else than before.</exception>
    public SimulatedThread Choose(
        List<SimulatedThread> ready,
        SimulatedThread? self,
        bool hasTimePassed
    )
    {
        var usual = Usual(ready, self);
        isYielding = false;
        var chosen = prescribed.TryGetValue(steps.Count, out var number)
            ? ready.Find(thread => thread.Number == number) ?? throw Undetermined(number)
            : usual;
        var before = steps.Count == 0 ? -1 : steps[^1].Thread;
        steps.Add(
            new ScheduleStep(
                chosen.Number,
                chosen.Next,
                [.. ready.Select(thread => thread.Number)],
                Usual: usual.Number,
                Interrupted: usual.Number == before && !hasTimePassed ? before : -1
            )
        );
        return chosen;
    }

    private SimulatedThread Usual(List<SimulatedThread> ready, SimulatedThread? self)
    {
        if (self is null)
            return ready[0];
        if (!isYielding && ready.Contains(self))
            return self;
        return ready.Find(thread => thread.Number > self.Number) ?? ready[0];
    }

    private InvalidOperationException Undetermined(int number) =>
        new(
            Invariant(
                $"Thread {number} can't go on at step {steps.Count}, as it could before: the test depends on something that is not of the simulation's world."
            )
        );

    /// <summary>What differs from the rule, so that it can be run again.</summary>
    public override string ToString() =>
        string.Join(
            ",",
            steps
                .Select((step, index) => (step, index))
                .Where(each => each.step.Thread != each.step.Usual)
                .Select(each => Invariant($"{each.index}:{each.step.Thread}"))
        );

    /// <summary>Reads what <see cref="ToString"/> has written.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static Schedule Parse(string text)
    {
        var prescribed = new Dictionary<int, int>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var numbers = part.Split(':');
            if (
                numbers.Length != 2
                || !Seeds.TryParse(numbers[0], out var step)
                || !Seeds.TryParse(numbers[1], out var thread)
                || !prescribed.TryAdd(step, thread)
            )
                throw new FormatException(
                    Invariant(
                        $"{Schedules.Variable} has steps with their threads, such as 12:3,57:1; not '{text}'."
                    )
                );
        }
        return new Schedule(prescribed);
    }
}

/// <summary>A thread went on, up to its next meeting.</summary>
/// <param name="Thread">Its number.</param>
/// <param name="Next">What it used.</param>
/// <param name="Ready">The threads that could go on then.</param>
/// <param name="Usual">Who would have gone on by the rule.</param>
/// <param name="Interrupted">The thread that ran before and could have gone on; -1 for none. Another in its place is a preemption.</param>
internal sealed record ScheduleStep(
    int Thread,
    Meeting Next,
    int[] Ready,
    int Usual,
    int Interrupted
);
