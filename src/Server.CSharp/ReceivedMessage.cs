using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message, or fragments of one, between the wire and the call that receives it. <paramref name="Ends"/> says where each
/// fragment ends; null for a message in one frame.
/// </summary>
/// <param name="Kind">Text or binary.</param>
/// <param name="Data">The payload; empty when it was written to the receiver's own destination.</param>
/// <param name="Ends">The end of each fragment in <paramref name="Data"/>, ascending.</param>
/// <param name="IsLast">True when the message ends with it.</param>
/// <param name="IsRest">True when the beginning of the message was received as a stream.</param>
/// <param name="IsWritten">True when the payload lies in the receiver's own destination.</param>
internal readonly record struct ReceivedMessage(
    MessageKind Kind,
    ReadOnlyMemory<byte> Data,
    List<int>? Ends = null,
    bool IsLast = true,
    bool IsRest = false,
    bool IsWritten = false
)
{
    public Message ToMessage() => new(Kind, Data);
}
