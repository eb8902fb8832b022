using System.Numerics;

namespace FunctionalWs.Testing;

/// <summary>
/// Two steps that meet, with nothing between them that makes the later one wait for the earlier: known by clocks of each thread, which say
/// up to which step of each other thread its own comes after.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="isApplicationShared">False when the application's threads share nothing between two calls of the library.</param>
internal sealed class Races(Schedule run, bool isApplicationShared)
{
    private readonly Dictionary<int, int[]> clocks = []; // by thread
    private readonly Dictionary<object, PlaceHistory> places = new(
        ReferenceEqualityComparer.Instance
    );
    private readonly List<int[]> clockAfter = [];
    private readonly List<ulong> events = []; // what each step is: its thread, its place there, and the steps that it comes after
    private readonly int threads =
        run.Steps.Count == 0 ? 0 : run.Steps.Max(step => step.Thread) + 1;

    /// <summary>
    /// What a run has done up to each step: the same for two runs that differ in the order of steps alone that don't meet.
    /// </summary>
    public List<ulong> Histories { get; } = [];

    /// <summary>All of a run, the earliest first.</summary>
    public List<Race> Find()
    {
        var races = new List<Race>();
        for (var index = 0; index < run.Steps.Count; index++)
        {
            var step = run.Steps[index];
            var clock = ClockOf(step.Thread);
            var history = HistoryOf(step.Next.Place);
            foreach (var earlier in history.Rivals(step.Next.Access))
            {
                var other = run.Steps[earlier].Thread;
                if (other != step.Thread && clock[other] < earlier)
                    races.Add(RaceOf(earlier, index));
            }
            var own = clock[step.Thread] >= 0 ? clock[step.Thread] : run.StarterOf(step.Thread);
            ulong befores = 0;
            foreach (var earlier in history.Befores(step.Next.Access))
            {
                Join(clock, clockAfter[earlier]);
                befores += events[earlier];
            }
            clock[step.Thread] = index;
            var happened = Mix((ulong)step.Thread + 1, own < 0 ? 0 : events[own]);
            events.Add(happened = Mix(happened, befores));
            Histories.Add(happened + (index == 0 ? 0 : Histories[index - 1]));
            clockAfter.Add([.. clock]);
            history.Add(step.Next.Access, index);
        }
        return races;
    }

    private PlaceHistory HistoryOf(object place)
    {
        if (!isApplicationShared && ReferenceEquals(place, Scheduler.Application))
            return new PlaceHistory(); // nobody meets there
        if (!places.TryGetValue(place, out var history))
            places[place] = history = new PlaceHistory();
        return history;
    }

    private Race RaceOf(int earlier, int later)
    {
        var thread = run.Steps[later].Thread;
        // At other places something else may have let it go on.
        var waits = run.Steps[later].Next.Access is Access.Enter or Access.Put or Access.Take;
        int? helper = null;
        for (var index = earlier + 1; index < later; index++)
        {
            var other = run.Steps[index].Thread;
            waits &= other != thread;
            // Somebody else's step on which the later one depends.
            if (
                helper is null
                && other != run.Steps[earlier].Thread
                && ClockOf(thread)[other] >= index
            )
                helper = other;
        }
        return new Race(earlier, thread, helper, waits);
    }

    private int[] ClockOf(int thread)
    {
        if (clocks.TryGetValue(thread, out var clock))
            return clock;
        var starter = run.StarterOf(thread);
        if (starter >= 0)
            clock = [.. clockAfter[starter]];
        else
        {
            clock = new int[threads];
            Array.Fill(clock, -1);
        }
        return clocks[thread] = clock;
    }

    private static ulong Mix(ulong left, ulong right)
    {
        var mixed = (left ^ BitOperations.RotateLeft(right, 31)) * 0x9E3779B97F4A7C15;
        return mixed ^ (mixed >> 29);
    }

    private static void Join(int[] clock, int[] other)
    {
        for (var thread = 0; thread < clock.Length; thread++)
            clock[thread] = Math.Max(clock[thread], other[thread]);
    }

    /// <summary>The last uses of a place.</summary>
    private sealed class PlaceHistory
    {
        private readonly List<int> reads = []; // since the last change
        private int write = -1;
        private int enter = -1;
        private int leave = -1;

        /// <summary>The last steps with which an access can change places. Whoever enters can't come before somebody leaves.</summary>
        public IEnumerable<int> Rivals(Access access) =>
            access switch
            {
                Access.Read => Known(write, enter, leave),
                Access.Write => Known(write, enter, leave).Concat(reads),
                Access.Enter or Access.Put => Known(write, enter).Concat(reads),
                _ => Known(write).Concat(reads),
            };

        /// <summary>The last steps that an access comes after: what is put doesn't wait for what is taken.</summary>
        public IEnumerable<int> Befores(Access access) =>
            access switch
            {
                Access.Read => Known(write, enter, leave),
                Access.Put => Known(write, enter).Concat(reads),
                _ => Known(write, enter, leave).Concat(reads),
            };

        public void Add(Access access, int step)
        {
            if (access is Access.Read)
            {
                reads.Add(step);
                return;
            }
            if (access is not Access.Take)
                reads.Clear();
            if (access is Access.Write)
                write = step;
            else if (access is Access.Enter or Access.Put)
                enter = step;
            else
                leave = step;
        }

        private static IEnumerable<int> Known(params int[] steps) => steps.Where(step => step >= 0);
    }
}

/// <summary>A thread could have come before a step of another.</summary>
/// <param name="Step">The number of the other's step.</param>
/// <param name="Thread">The thread.</param>
/// <param name="Helper">A third that had to go on between them; null for none.</param>
/// <param name="Waits">True when the thread did nothing between the two, and may have waited for the step: for a lock or a stream.</param>
internal readonly record struct Race(int Step, int Thread, int? Helper, bool Waits);
