namespace FunctionalWs.Testing;

/// <summary>
/// Finds the schedules of a test that can differ, up to a number of preemptions. After each run it looks for two steps of different threads
/// that meet at one place and could have come in the other order; that order is tried, too, from the first of the two on and, since it may
/// need a preemption less there, from where its thread went on. What meets nobody is never tried in another order.
/// </summary>
/// <param name="preemptions">How many at most.</param>
/// <param name="isApplicationShared">See <see cref="Races"/>.</param>
internal sealed class Schedules(int preemptions, bool isApplicationShared = true)
{
    /// <summary>Takes the place of all schedules.</summary>
    public const string Variable = "FUNCTIONALWS_SCHEDULE";

    private readonly List<ScheduleNode> nodes = [];
    private readonly Dictionary<(ulong History, int Thread), int> known = []; // with the fewest preemptions

    /// <summary>The schedule to run next: what the nodes say.</summary>
    public Schedule Next() =>
        new(
            nodes
                .Select((node, index) => (node.Chosen, index))
                .ToDictionary(each => each.index, each => each.Chosen)
        );

    /// <summary>Takes in what a run has done; false when no schedule is left to be tried.</summary>
    public bool Advance(Schedule run)
    {
        var first = Math.Max(0, nodes.Count - 1); // the step that is new: the others are those of the run before
        for (var index = nodes.Count; index < run.Steps.Count; index++)
            nodes.Add(new ScheduleNode(run.Steps[index], PreemptionsBefore(index)));
        var races = new Races(run, isApplicationShared);
        foreach (var race in races.Find())
        {
            if (run.IsOpen(race.Step))
                Try(race, run);
        }
        Forget(races.Histories, Math.Max(first, run.First), run);
        while (nodes.Count > 0)
        {
            if (nodes[^1].TryNext(preemptions))
                return true;
            nodes.RemoveAt(nodes.Count - 1);
        }
        return false;
    }

    /// <summary>
    /// Another run has come to the same point before, with no more preemptions, by other orders of steps that don't meet: what follows is
    /// tried from there.
    /// </summary>
    private void Forget(List<ulong> histories, int first, Schedule run)
    {
        for (var index = first; index < nodes.Count && run.IsOpen(index); index++)
        {
            var point = (histories[index], nodes[index].Chosen);
            if (known.TryGetValue(point, out var before) && before <= nodes[index].Preemptions)
            {
                nodes.RemoveRange(index + 1, nodes.Count - index - 1);
                return;
            }
            known[point] = nodes[index].Preemptions;
        }
    }

    private int PreemptionsBefore(int index) => index == 0 ? 0 : nodes[index - 1].Preemptions;

    /// <summary>The later thread is to go on before the earlier step; and where the earlier thread was chosen.</summary>
    private void Try(in Race race, Schedule run)
    {
        nodes[race.Step].Try(race);
        var start = race.Step;
        var isFree = false; // another could have gone on there without a preemption
        while (
            start > 0
            && run.IsOpen(start - 1)
            && run.Steps[start - 1].Thread == run.Steps[start].Thread
        )
        {
            isFree = isFree || run.Steps[start].Interrupted < 0;
            start--;
            if (!isFree && run.Steps[start].Interrupted < 0)
                nodes[start].Try(race);
        }
        if (start != race.Step)
            nodes[start].Try(race);
    }
}

/// <summary>A point of a schedule, with who was and is to be tried there.</summary>
internal sealed class ScheduleNode(ScheduleStep step, int preemptionsBefore)
{
    private readonly HashSet<int> tried = [step.Thread];
    private readonly SortedSet<int> toTry = [];

    public ScheduleStep Step => step;

    /// <summary>Who goes on.</summary>
    public int Chosen { get; private set; } = step.Thread;

    /// <summary>How many preemptions there were up to here, this choice included.</summary>
    public int Preemptions => preemptionsBefore + Cost(Chosen);

    private int Cost(int thread) => step.Interrupted >= 0 && thread != step.Interrupted ? 1 : 0;

    /// <summary>Another is to go on here; when it can't, whoever can: one of them may be what it waits for.</summary>
    public void Try(in Race race)
    {
        if (Array.IndexOf(step.Ready, race.Thread) >= 0)
            toTry.Add(race.Thread);
        else if (race.Helper is { } helper && Array.IndexOf(step.Ready, helper) >= 0)
            toTry.Add(helper);
        else if (!race.Waits)
            toTry.UnionWith(step.Ready);
    }

    /// <summary>Chooses the next who is to be tried; false when there is none within a number of preemptions.</summary>
    public bool TryNext(int preemptions)
    {
        foreach (var thread in toTry)
        {
            if (preemptionsBefore + Cost(thread) > preemptions || !tried.Add(thread))
                continue;
            Chosen = thread;
            return true;
        }
        return false;
    }
}
