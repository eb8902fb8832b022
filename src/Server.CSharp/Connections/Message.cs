using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A text or binary message (RFC 6455 §5.6). A small immutable value; the default is an empty text. Safe to share
/// between threads as long as nobody changes the memory it was made of.
/// </summary>
public readonly struct Message : IEquatable<Message>
{
    private readonly Driver? origin; // the connection that received it; null when the application made it

    /// <summary>Makes a text message.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate, which UTF-8 can't encode.</exception>
    public Message(string text)
        : this(MessageKind.Text, Utf8Text.Encode(text)) { }

    /// <summary>Makes a binary message of bytes, which are not copied.</summary>
    /// <param name="data">The bytes; not to be changed while the message is in use.</param>
    public Message(ReadOnlyMemory<byte> data)
        : this(MessageKind.Binary, data) { }

    /// <summary>Makes a text or binary message of bytes, which are not copied.</summary>
    /// <param name="data">The bytes; not to be changed while the message is in use. As text they have to be UTF-8.</param>
    /// <param name="kind">What a peer is told that it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">The kind is no value of <see cref="MessageKind"/>.</exception>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8.</exception>
    public Message(ReadOnlyMemory<byte> data, MessageKind kind)
        : this(kind, data)
    {
        if (kind.IsText)
            Utf8Text.Require(data.Span, nameof(data));
    }

    internal Message(MessageKind kind, ReadOnlyMemory<byte> data, Driver? origin = null)
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

    /// <summary>The payload: the bytes, or the text in UTF-8.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>
    /// The payload decoded as UTF-8, for either kind; decoded at each call, so keep the result.
    /// </summary>
    /// <exception cref="NotTextException">
    /// The payload is not UTF-8: a binary message, or any message where text isn't validated.
    /// </exception>
    public string Text => NotTextException.Decode(Data.Span, Kind, origin);

    /// <summary>True when kind and payload are the same.</summary>
    /// <param name="other">The message to compare with.</param>
    public bool Equals(Message other) =>
        Kind == other.Kind && Data.Span.SequenceEqual(other.Data.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Message other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Data.Span);
        return hash.ToHashCode();
    }

    /// <summary>Kind and size, such as <c>Text (5 bytes)</c>; never the content.</summary>
    public override string ToString() => ToString(Kind, Data.Length);

    internal static string ToString(MessageKind kind, int size) =>
        Invariant($"{(kind.IsText ? "Text" : "Binary")} ({size} bytes)");

    /// <summary>True when kind and payload are the same.</summary>
    public static bool operator ==(Message left, Message right) => left.Equals(right);

    /// <summary>True when kind or payload differ.</summary>
    public static bool operator !=(Message left, Message right) => !left.Equals(right);
}
