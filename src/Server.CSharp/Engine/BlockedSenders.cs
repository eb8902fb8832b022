namespace FunctionalWs;

/// <summary>Tasks that wait until their connection's output is no longer blocked. Safe from any thread.</summary>
/// <param name="scheduler">Where they go on: what they await may be the application's, and who releases them may hold a gate.</param>
internal sealed class BlockedSenders(Scheduler scheduler)
{
    private readonly Lock gate = new();
    private List<TaskCompletionSource>? waits; // null for none

    /// <summary>Waits for <see cref="Release"/>. Whoever adds looks afterwards whether it was in vain.</summary>
    public TaskCompletionSource Add()
    {
        var wait = new TaskCompletionSource();
        using (gate.Hold())
            (waits ??= []).Add(wait);
        return wait;
    }

    /// <summary>One of them has given up.</summary>
    public void Remove(TaskCompletionSource wait)
    {
        using (gate.Hold())
            waits?.Remove(wait);
    }

    /// <summary>Output can leave: all of them go on, on other threads.</summary>
    public void Release()
    {
        Scheduler.Meet(gate, Access.Read);
        if (Volatile.Read(ref waits) is null)
            return;
        List<TaskCompletionSource>? released;
        using (gate.Hold())
            (released, waits) = (waits, null);
        foreach (var wait in released ?? [])
            scheduler.Post(() => wait.TrySetResult());
    }
}
