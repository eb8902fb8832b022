using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs;

/// <summary>
/// Messages read ahead while nobody was in <c>Receive</c>. Reading stops when it is full, by number of messages or by
/// bytes, and goes on when it has emptied to a low mark. Guarded by the connection's read gate.
/// </summary>
internal sealed class Inbox(int high, int low, long maxBytes)
{
    private readonly Queue<Message> messages = new();
    private long bytes;
    private bool isPaused;

    public int Count => messages.Count;

    /// <summary>True while no further message should be read ahead.</summary>
    public bool IsPaused => isPaused;

    public void Add(Message message)
    {
        messages.Enqueue(message);
        bytes += message.Data.Length;
        if (messages.Count >= high || bytes >= maxBytes)
            isPaused = true;
    }

    public bool TryTake([MaybeNullWhen(false)] out Message message)
    {
        if (!messages.TryDequeue(out message))
            return false;
        bytes -= message.Data.Length;
        if (messages.Count <= low && bytes <= maxBytes / 2)
            isPaused = false;
        return true;
    }
}
