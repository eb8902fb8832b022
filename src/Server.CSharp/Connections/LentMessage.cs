using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message in memory that is lent until the next step of the loop that it came from (see
/// <see cref="WebSocketConnection.Lent"/>): no array is made for it. The compiler keeps it on the stack; what is to be kept is
/// copied by <see cref="ToMessage"/>.
/// </summary>
public readonly ref struct LentMessage
{
    private readonly Driver? origin;

    internal LentMessage(MessageKind kind, ReadOnlySpan<byte> data, Driver origin)
    {
        Kind = kind;
        Data = data;
        this.origin = origin;
    }

    internal Driver? Origin => origin;

    /// <summary>Whether the message is text or bytes.</summary>
    public MessageKind Kind { get; }

    /// <summary>True for text.</summary>
    public bool IsText => Kind.IsText;

    /// <summary>The payload: the bytes, or the text in UTF-8. Valid until the next step.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>
    /// The payload decoded as UTF-8, for either kind, as a string of its own; decoded at each call, so keep the result.
    /// </summary>
    /// <exception cref="NotTextException">
    /// The payload is not UTF-8: a binary message, or any message where text isn't validated.
    /// </exception>
    public string Text => NotTextException.Decode(Data, Kind, origin);

    /// <summary>The same message in memory of its own, which can be kept.</summary>
    public Message ToMessage() => new(Kind, MessageArrays.Copy(Data), origin);

    /// <summary>Kind and size, such as <c>Text (5 bytes)</c>; never the content.</summary>
    public override string ToString() => Message.ToString(Kind, Data.Length);
}
