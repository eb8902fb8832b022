using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Where the data of the message go that is arriving: one array, so that many small fragments cost about their bytes. A message that
/// comes at once gets an array of its size. Guarded by the read gate.
/// </summary>
internal sealed class MessageSink
{
    private byte[] bytes = [];
    private bool isPooled; // that array
    private int length;
    private int frameStart; // of the frame that is arriving
    private List<int>? ends; // of the fragments that are complete
    private bool isStreamed; // the beginning of the message was taken
    private bool isDiscarding; // the rest of the message is not wanted
    private MessageKind kind;

    /// <summary>True while messages that begin are put into pooled memory, to be lent.</summary>
    public bool IsPooling { get; set; }

    /// <summary>What is kept here.</summary>
    public Unread Unread => new(messages: 0, bytes: length, fragments: ends?.Count ?? 0);

    /// <summary>The bytes of the frame that is arriving, so far.</summary>
    public int FrameSize => length - frameStart;

    /// <summary>Room for at least so many bytes.</summary>
    public Memory<byte> GetMemory(int size)
    {
        if (size > bytes.Length - length)
            Grow(size);
        return bytes.AsMemory(length);
    }

    /// <summary>So many bytes were written to the room.</summary>
    public void Advance(int count) => length += count;

    private void Grow(int size)
    {
        var needed = checked(length + size);
        if (length == 0)
            isPooled = IsPooling;
        var larger = length == 0 ? needed : Math.Max(needed, (int)Math.Min(bytes.Length * 2L, Array.MaxLength));
        var next =
            isPooled ? SharedBuffers.Pool.Rent(larger)
            : larger == 0 ? []
            : GC.AllocateUninitializedArray<byte>(larger);
        bytes.AsSpan(0, length).CopyTo(next);
        if (isPooled && length > 0)
            SharedBuffers.Pool.Return(bytes);
        bytes = next;
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
            message = new(kind, bytes.AsMemory(0, length), Pooled: isPooled ? bytes : null);
            Forget();
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
        var rest = bytes.AsSpan(frameStart, length - frameStart).ToArray();
        message = new(
            kind,
            bytes.AsMemory(0, frameStart),
            ends,
            isLast,
            IsRest: isStreamed,
            Pooled: isPooled ? bytes : null
        );
        isStreamed = !isLast;
        Forget();
        (bytes, length) = (rest, rest.Length);
        return true;
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

    /// <summary>Gives the memory back.</summary>
    public void Clear()
    {
        if (isPooled)
            SharedBuffers.Pool.Return(bytes);
        Forget();
    }

    // What was here is somebody else's now.
    private void Forget()
    {
        bytes = [];
        isPooled = false;
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
