using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Messages read ahead while nobody was in <c>Receive</c>. Guarded by the connection's read gate.</summary>
internal sealed class Inbox
{
    private readonly Queue<ReceivedMessage> messages = new();
    private long bytes;
    private int fragments;

    public int Count => messages.Count;

    /// <summary>What waits here.</summary>
    public Unread Unread => new(messages.Count, bytes, fragments);

    public void Add(in ReceivedMessage message)
    {
        messages.Enqueue(message);
        bytes += message.Data.Length;
        fragments += message.Ends?.Count ?? 0;
    }

    public bool TryTake(out ReceivedMessage message)
    {
        if (!messages.TryDequeue(out message))
            return false;
        bytes -= message.Data.Length;
        fragments -= message.Ends?.Count ?? 0;
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
            message = message.Written();
        return true;
    }

    /// <summary>Drops the rest of a message whose beginning was received as a stream, if it is here.</summary>
    public bool TryDiscardRest() => messages.TryPeek(out var next) && next.IsRest && TryTake(out _);
}
