namespace FunctionalWs;

/// <summary>
/// The calls of somebody else's stream that are under way, and one for the connection's whole life: after the last the stream is its
/// owner's again. Safe from any thread.
/// </summary>
internal sealed class StreamUses
{
    private readonly TaskCompletionSource over = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );
    private Stream? stream;
    private int count = 1;

    /// <summary>Ends once no call is under way and none will be.</summary>
    public Task Over => over.Task;

    /// <summary>The stream is there.</summary>
    public void Begin(Stream upgraded) => Volatile.Write(ref stream, upgraded);

    /// <summary>False when there is no stream, not yet or not any more.</summary>
    public bool TryBegin(out Stream used)
    {
        used = Volatile.Read(ref stream)!;
        return used is not null && TryBegin();
    }

    /// <summary>The same, also before there is a stream.</summary>
    public bool TryBegin()
    {
        int before;
        do
        {
            before = Volatile.Read(ref count);
            if (before == 0)
                return false;
        } while (Interlocked.CompareExchange(ref count, before + 1, before) != before);
        return true;
    }

    /// <summary>A call has ended, or the connection.</summary>
    public void End()
    {
        if (Interlocked.Decrement(ref count) == 0)
            over.TrySetResult();
    }
}
