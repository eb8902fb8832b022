using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Messages read ahead while nobody was in <c>Receive</c>. Taking more pauses when it is full, by number of messages or by
/// bytes, and goes on when it has emptied to a low mark. Guarded by the connection's read gate.
/// </summary>
/// <param name="high">The number of messages that makes it full.</param>
/// <param name="low">The number of messages at which it is no longer full.</param>
/// <param name="maxBytes">The bytes that may be read ahead, here and in the receive buffer.</param>
internal sealed class Inbox(int high, int low, long maxBytes)
{
    // What an empty message costs, so that a flood of them ends at the byte bound, too.
    private const int MessageCost = 64;

    private readonly Queue<ReceivedMessage> messages = new();
    private long cost;

    public int Count => messages.Count;

    /// <summary>True while no further message should be taken.</summary>
    public bool IsPaused { get; private set; }

    /// <summary>True while it is full in bytes as well: no further message may be taken, whatever lies behind it.</summary>
    public bool IsFull => cost >= maxBytes;

    /// <summary>True while bytes may be read on top of those in the receive buffer.</summary>
    public bool HasRoomBeside(long buffered) => cost + buffered < maxBytes;

    public void Add(in ReceivedMessage message)
    {
        messages.Enqueue(message);
        cost += CostOf(message);
        if (messages.Count >= high || IsFull)
            IsPaused = true;
    }

    public bool TryTake(out ReceivedMessage message)
    {
        if (!messages.TryDequeue(out message))
            return false;
        cost -= CostOf(message);
        if (messages.Count <= low && cost <= maxBytes / 2)
            IsPaused = false;
        return true;
    }

    /// <summary>Takes a message; to a destination, if there is one, which may throw: then the message stays.</summary>
    public bool TryTake(IBufferWriter<byte>? destination, out ReceivedMessage message)
    {
        if (destination is not null && messages.TryPeek(out var next))
            destination.Write(next.Data.Span);
        if (!TryTake(out message))
            return false;
        if (destination is not null)
            message = message with { Data = default, IsWritten = true };
        return true;
    }

    /// <summary>Drops the rest of a message whose beginning was received as a stream, if it is here.</summary>
    public bool TryDiscardRest() => messages.TryPeek(out var next) && next.IsRest && TryTake(out _);

    private static long CostOf(in ReceivedMessage message) => MessageCost + message.Data.Length;
}
