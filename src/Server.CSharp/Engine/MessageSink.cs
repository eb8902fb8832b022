using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Where the data of the message go that is arriving. One that comes at once gets an array of its size; of any other the pieces are
/// kept in pooled segments, so that it takes about what has come of it, and are put together at its end. Guarded by the read gate.
/// </summary>
internal sealed class MessageSink
{
    private const int FirstSegmentSize = 256;
    private const int LargestSegmentSize = 64 * 1024;

    private byte[]? whole; // a message that comes at once
    private readonly List<(byte[] Bytes, int Size)> segments = [];
    private int length;
    private int frameStart; // of the frame that is arriving
    private List<int>? ends; // of the fragments that are complete
    private bool isStreamed; // the beginning of the message was taken
    private bool isDiscarding; // the rest of the message is not wanted
    private MessageKind kind;

    /// <summary>True while messages are given in pooled memory, to be lent.</summary>
    public bool IsPooling { get; set; }

    /// <summary>What is kept here.</summary>
    public Unread Unread => new(messages: 0, bytes: length, fragments: ends?.Count ?? 0);

    /// <summary>The memory that it takes, in bytes.</summary>
    public long Capacity =>
        segments.Sum(segment => (long)segment.Bytes.Length) + (whole?.Length ?? 0);

    /// <summary>The bytes of the frame that is arriving, so far.</summary>
    public int FrameSize => length - frameStart;

    /// <summary>Room for at least so many bytes. More than one are asked for only when they are a message.</summary>
    public Memory<byte> GetMemory(int size)
    {
        if (length == 0 && size > 1)
            return whole = IsPooling
                ? SharedBuffers.Pool.Rent(size)
                : GC.AllocateUninitializedArray<byte>(size);
        if (segments.Count == 0 || segments[^1].Size == segments[^1].Bytes.Length)
            segments.Add((SharedBuffers.Pool.Rent(NextSize), 0));
        var (bytes, used) = segments[^1];
        return bytes.AsMemory(used);
    }

    private int NextSize => Math.Clamp(length, FirstSegmentSize, LargestSegmentSize);

    /// <summary>So many bytes were written to the room.</summary>
    public void Advance(int count)
    {
        length = checked(length + count);
        if (whole is null && count > 0)
            segments[^1] = (segments[^1].Bytes, segments[^1].Size + count);
    }

    /// <summary>A frame is complete; true when that gives a message.</summary>
    public bool EndFrame(MessageKind kind, bool endOfMessage, out ReceivedMessage message)
    {
        this.kind = kind;
        message = default;
        if (isDiscarding)
        {
            isDiscarding = !endOfMessage;
            Clear();
            return false;
        }
        if (endOfMessage && !isStreamed && ends is null)
        {
            message = Take(length, null, isLast: true);
            return true;
        }
        (ends ??= []).Add(length);
        frameStart = length;
        return endOfMessage && TryTake(isLast: true, out message);
    }

    /// <summary>Takes the fragments that are complete; false when there are none.</summary>
    public bool TryTakeFragments(out ReceivedMessage fragments)
    {
        fragments = default;
        return ends is not null && TryTake(isLast: false, out fragments);
    }

    private bool TryTake(bool isLast, out ReceivedMessage message)
    {
        var rest = Copied(frameStart, new byte[length - frameStart]);
        message = Take(frameStart, ends, isLast) with { IsRest = isStreamed };
        isStreamed = !isLast;
        foreach (var part in rest.Chunk(LargestSegmentSize))
        {
            var segment = SharedBuffers.Pool.Rent(part.Length);
            part.CopyTo(segment, 0);
            segments.Add((segment, part.Length));
            length += part.Length;
        }
        return true;
    }

    /// <summary>So many bytes from the beginning on; nothing stays here.</summary>
    private ReceivedMessage Take(int size, List<int>? ends, bool isLast)
    {
        var isPooled = IsPooling;
        var bytes =
            whole is not null ? whole
            : size == 0 ? []
            : isPooled ? SharedBuffers.Pool.Rent(size)
            : GC.AllocateUninitializedArray<byte>(size);
        if (whole is null)
            Copied(0, bytes.AsSpan(0, size));
        whole = null;
        Clear();
        return new(
            kind,
            bytes.AsMemory(0, size),
            ends,
            isLast,
            Pooled: isPooled && bytes.Length > 0 ? bytes : null
        );
    }

    private byte[] Copied(int from, byte[] destination)
    {
        Copied(from, destination.AsSpan());
        return destination;
    }

    private void Copied(int from, Span<byte> destination)
    {
        foreach (var (bytes, size) in segments)
        {
            var skipped = Math.Min(from, size);
            from -= skipped;
            var copied = Math.Min(size - skipped, destination.Length);
            bytes.AsSpan(skipped, copied).CopyTo(destination);
            destination = destination[copied..];
        }
    }

    /// <summary>Drops what has come of a message whose beginning was taken, and what is still to come of it.</summary>
    public void DiscardRest()
    {
        if (!isStreamed)
            return;
        isStreamed = false;
        isDiscarding = true;
        Clear();
    }

    /// <summary>The frame that is arriving will not be complete; fragments that are can still be taken.</summary>
    public void EndEarly()
    {
        if (ends is null)
            Clear();
    }

    /// <summary>Gives the memory back.</summary>
    public void Clear()
    {
        foreach (var (bytes, _) in segments)
            SharedBuffers.Pool.Return(bytes);
        segments.Clear();
        whole = null;
        length = frameStart = 0;
        ends = null;
    }
}

/// <summary>A sink as the endpoint wants it: its code is made for this type, without virtual calls.</summary>
internal readonly struct MessageWriter(MessageSink sink) : IBufferWriter<byte>
{
    public void Advance(int count) => sink.Advance(count);

    public Memory<byte> GetMemory(int sizeHint = 0) => sink.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => sink.GetMemory(sizeHint).Span;
}
