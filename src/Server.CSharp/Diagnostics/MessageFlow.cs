using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Counts the messages of one connection in one direction. Written under the gate of that direction, by plain additions;
/// read by whoever measures. Made only while somebody listens to what it counts.
/// </summary>
internal sealed class MessageFlow
{
    private bool isBinary; // the message that is under way
    private FlowCount text;
    private FlowCount binary;

    public FlowCount Text => text;

    public FlowCount Binary => binary;

    /// <summary>Counts a frame of a message.</summary>
    /// <param name="opcode">Its opcode: text, binary or continuation.</param>
    /// <param name="fin">True when the message ends with it.</param>
    /// <param name="size">The bytes that the application sees of it.</param>
    /// <param name="wireSize">The bytes that it takes on the wire, its header included.</param>
    public void Add(Opcode opcode, bool fin, long size, long wireSize)
    {
        if (!opcode.IsContinuation)
            isBinary = opcode.IsBinary;
        var frame = new FlowCount(fin ? 1 : 0, size, wireSize);
        if (isBinary)
            binary += frame;
        else
            text += frame;
    }
}

/// <summary>Messages, and their bytes as the application sees them and as they are on the wire.</summary>
internal readonly record struct FlowCount(long Messages, long Size, long WireSize)
{
    public static FlowCount operator +(FlowCount left, FlowCount right) =>
        new(left.Messages + right.Messages, left.Size + right.Size, left.WireSize + right.WireSize);
}
