using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Where the data of the message go that is arriving. One that comes at once gets an array of its size, and so does a large one once
/// a good part of it has come; of any other the pieces are kept in pooled segments, so that it takes about what has come of it, and are
/// put together at its end. Guarded by the read gate.
/// </summary>
internal sealed class MessageSink
{
    private const int FirstSegmentSize = 256;
    private const int LargestSegmentSize = 64 * 1024;

    // The memory that a message of a known size may get, in relation to what has come of it.
    private const int MaxGrowth = 4;

    private byte[]? whole; // all of a message whose size is known
    private bool isWholePooled;
    private readonly List<Segment> segments = []; // what there was before that
    private int length;
    private int frameStart; // of the frame that is arriving
    private List<int>? ends; // of the fragments that are complete
    private bool isStreamed; // the beginning of the message was taken
    private bool isDiscarding; // the rest of the message is not wanted
    private MessageKind kind;

    /// <summary>True while messages are given in pooled memory, to be lent.</summary>
    public bool IsPooling { get; set; }

    /// <summary>The least room that is made for a piece of a message, in bytes, if more than usual: where large ones come.</summary>
    public int FirstSize { get; set; }

    /// <summary>What is kept here.</summary>
    public Unread Unread => new(messages: 0, bytes: length, fragments: ends?.Count ?? 0);

    /// <summary>The memory that it takes, in bytes.</summary>
    public long Capacity
    {
        get
        {
            long capacity = whole?.Length ?? 0;
            foreach (var segment in segments)
                capacity += segment.Bytes.Length;
            return capacity;
        }
    }

    /// <summary>The bytes of the frame that is arriving, so far.</summary>
    public int FrameSize => length - frameStart;

    /// <summary>Room for at least so many bytes. More than one are asked for only when they are a message.</summary>
    public Memory<byte> GetMemory(int size)
    {
        if (length == 0 && size > 1 && whole is null)
            MakeWhole(size);
        if (whole is not null && whole.Length - length >= Math.Max(size, 1))
            return whole.AsMemory(length);
        EndWhole();
        if (segments.Count == 0 || segments[^1].Room == 0)
            segments.Add(new(SharedBuffers.Pool.Rent(NextSize), 0, IsPooled: true));
        var (bytes, used, _) = segments[^1];
        return bytes.AsMemory(used);
    }

    /// <summary>Room for the rest of a frame, or for a part of it, which may be read there directly.</summary>
    /// <param name="left">The bytes of the frame that are not here.</param>
    /// <param name="arrived">Those of them that have come for certain.</param>
    public Memory<byte> GetMemory(long left, int arrived)
    {
        var size = length + left;
        // At least twice what there is: else each fragment of a message would have all before it copied.
        var isWorth = left >= length && size <= MaxGrowth * ((long)length + arrived);
        if (whole is null && isWorth && size <= Array.MaxLength)
            Join((int)size);
        return GetMemory(1);
    }

    private int NextSize =>
        Math.Clamp(length, Math.Max(FirstSize, FirstSegmentSize), LargestSegmentSize);

    private void MakeWhole(int size)
    {
        isWholePooled = IsPooling;
        whole = isWholePooled ? SharedBuffers.Pool.Rent(size) : MessageArrays.Make(size);
    }

    /// <summary>Puts what has come into an array of the message's size.</summary>
    private void Join(int size)
    {
        MakeWhole(size);
        Copied(0, whole.AsSpan(0, length));
        ClearSegments();
    }

    /// <summary>More has come than was known of: what there is becomes the first segment.</summary>
    private void EndWhole()
    {
        if (whole is null)
            return;
        segments.Add(new(whole, length, isWholePooled));
        whole = null;
    }

    /// <summary>So many bytes were written to the room.</summary>
    public void Advance(int count)
    {
        length = checked(length + count);
        if (whole is null && count > 0)
            segments[^1] = segments[^1] with { Size = segments[^1].Size + count };
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
        var rest = Copied(frameStart, MessageArrays.Make(length - frameStart));
        if (rest.Length > 0)
            EndWhole(); // what was taken must not keep the memory of all
        message = Take(frameStart, ends, isLast) with { IsRest = isStreamed };
        isStreamed = !isLast;
        try
        {
            Keep(rest);
        }
        catch
        {
            message.GiveBack();
            throw;
        }
        return true;
    }

    private void Keep(byte[] rest)
    {
        foreach (var part in rest.Chunk(LargestSegmentSize))
        {
            var segment = SharedBuffers.Pool.Rent(part.Length);
            part.CopyTo(segment, 0);
            segments.Add(new(segment, part.Length, IsPooled: true));
            length += part.Length;
        }
    }

    /// <summary>So many bytes from the beginning on; nothing stays here.</summary>
    private ReceivedMessage Take(int size, List<int>? ends, bool isLast)
    {
        if (whole is null && size > 0)
        {
            MakeWhole(size);
            Copied(0, whole.AsSpan(0, size));
        }
        var bytes = whole ?? [];
        var pooled = isWholePooled ? whole : null;
        whole = null;
        Clear();
        return new(kind, bytes.AsMemory(0, size), ends, isLast, Pooled: pooled);
    }

    private byte[] Copied(int from, byte[] destination)
    {
        Copied(from, destination.AsSpan());
        return destination;
    }

    private void Copied(int from, Span<byte> destination)
    {
        if (segments.Count == 0)
        {
            whole.AsSpan(from, destination.Length).CopyTo(destination);
            return;
        }
        foreach (var (bytes, size, _) in segments)
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
        if (segments.Count > 0)
            ClearSegments();
        if (isWholePooled && whole is not null)
            SharedBuffers.Pool.Return(whole);
        whole = null;
        length = frameStart = 0;
        ends = null;
    }

    private void ClearSegments()
    {
        foreach (var (bytes, _, isPooled) in segments)
        {
            if (isPooled)
                SharedBuffers.Pool.Return(bytes);
        }
        segments.Clear();
    }

    /// <summary>Memory, and how much of it is used.</summary>
    private readonly record struct Segment(byte[] Bytes, int Size, bool IsPooled)
    {
        public int Room => Bytes.Length - Size;
    }
}

/// <summary>A sink as the endpoint wants it: its code is made for this type, without virtual calls.</summary>
internal readonly struct MessageWriter(MessageSink sink) : IBufferWriter<byte>
{
    public void Advance(int count) => sink.Advance(count);

    public Memory<byte> GetMemory(int sizeHint = 0) => sink.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => sink.GetMemory(sizeHint).Span;
}
