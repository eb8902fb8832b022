using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A part of a message that is received as a stream (RFC 6455 §5.4). A small immutable value, safe to share between
/// threads.
/// </summary>
public readonly struct Fragment
{
    private readonly Driver origin; // the connection that received it

    internal Fragment(MessageKind kind, ReadOnlyMemory<byte> data, bool isLast, Driver origin)
    {
        this.origin = origin;
        Kind = kind;
        Data = data;
        IsLast = isLast;
    }

    /// <summary>Whether the message is text or bytes.</summary>
    public MessageKind Kind { get; }

    /// <summary>True for a part of a text.</summary>
    public bool IsText => Kind.IsText;

    /// <summary>The bytes of this part, possibly none; of a text only whole characters.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>True when the message ends with this part.</summary>
    public bool IsLast { get; }

    /// <summary>The bytes decoded as UTF-8, for either kind; decoded at each call, so keep the result.</summary>
    /// <exception cref="NotTextException">
    /// The bytes are not UTF-8: a binary message, or any message where text isn't validated.
    /// </exception>
    public string Text => NotTextException.Decode(Data.Span, Kind, origin);

    /// <summary>Kind and size, such as <c>Text fragment (5 bytes)</c>; never the content.</summary>
    public override string ToString() =>
        Invariant(
            $"{(IsText ? "Text" : "Binary")} fragment ({Data.Length} bytes{(IsLast ? ", last" : "")})"
        );
}
