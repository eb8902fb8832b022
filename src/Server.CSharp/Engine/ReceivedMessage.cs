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
/// <param name="Pooled">The array that <paramref name="Data"/> lies in, when it is to be given back.</param>
internal readonly record struct ReceivedMessage(
    MessageKind Kind,
    ReadOnlyMemory<byte> Data,
    List<int>? Ends = null,
    bool IsLast = true,
    bool IsRest = false,
    byte[]? Pooled = null
)
{
    /// <summary>The message, in memory that is the caller's for good.</summary>
    /// <param name="origin">The connection that received it.</param>
    public Message ToMessage(Driver origin) => new(Kind, Owned().Data, origin);

    /// <summary>The same in memory that is the caller's for good.</summary>
    public ReceivedMessage Owned()
    {
        if (Pooled is null)
            return this;
        try
        {
            return this with { Data = MessageArrays.Copy(Data.Span), Pooled = null };
        }
        finally
        {
            SharedBuffers.Pool.Return(Pooled);
        }
    }

    /// <summary>The same without its payload, which was written elsewhere.</summary>
    public ReceivedMessage Written()
    {
        GiveBack();
        return this with { Data = default, Pooled = null };
    }

    /// <summary>The payload is not needed any more.</summary>
    public void GiveBack()
    {
        if (Pooled is not null)
            SharedBuffers.Pool.Return(Pooled);
    }
}
