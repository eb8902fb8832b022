namespace FunctionalWs;

/// <summary>Tasks that wait until their connection's output is no longer blocked. Safe from any thread.</summary>
internal sealed class BlockedSenders
{
    private readonly Lock gate = new();
    private List<TaskCompletionSource>? waits; // null for none

    /// <summary>Waits for <see cref="Release"/>. Whoever adds looks afterwards whether it was in vain.</summary>
    public TaskCompletionSource Add()
    {
        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
        if (Volatile.Read(ref waits) is null)
            return;
        List<TaskCompletionSource>? released;
        using (gate.Hold())
            (released, waits) = (waits, null);
        foreach (var wait in released ?? [])
            wait.TrySetResult();
    }
}
