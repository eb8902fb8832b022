using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The fragments of a message that is arriving, put together in one array, so that many small ones cost about their
/// bytes. Guarded by the read gate.
/// </summary>
internal sealed class FragmentBuffer
{
    private byte[] bytes = [];
    private int length;
    private List<int> ends = [];
    private bool isStreamed; // the beginning of the message was taken

    /// <summary>What the fragments are of.</summary>
    public MessageKind Kind { get; private set; }

    /// <summary>True while it holds no fragment.</summary>
    public bool IsEmpty => ends.Count == 0;

    /// <summary>True while fragments that come are dropped: the rest of a message that nobody wants.</summary>
    public bool IsDiscarding { get; private set; }

    /// <summary>Room for the next fragment; it counts when it is added.</summary>
    public Span<byte> Reserve(int size)
    {
        var needed = length + size;
        if (needed > bytes.Length)
            Array.Resize(ref bytes, Math.Max(needed, Math.Min(bytes.Length * 2, Array.MaxLength)));
        return bytes.AsSpan(length, size);
    }

    /// <summary>Adds the fragment that was written to the reserved room.</summary>
    public void Add(MessageKind kind, int size)
    {
        Kind = kind;
        if (IsDiscarding)
            return;
        length += size;
        ends.Add(length);
    }

    /// <summary>
    /// Takes the fragments out; none when the message ends that was to be discarded.
    /// </summary>
    public bool TryTake(bool isLast, out ReceivedMessage fragments)
    {
        var isWanted = !IsDiscarding;
        fragments = new(Kind, bytes.AsMemory(0, length), ends, isLast, IsRest: isStreamed);
        isStreamed = !isLast;
        IsDiscarding &= !isLast;
        Clear();
        return isWanted;
    }

    /// <summary>Drops what has come of a message whose beginning was taken, and what is still to come of it.</summary>
    public void DiscardRest()
    {
        if (!isStreamed)
            return;
        IsDiscarding = true;
        Clear();
    }

    /// <summary>Gives the memory back.</summary>
    public void Clear()
    {
        bytes = [];
        length = 0;
        ends = [];
    }
}
