using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message was asked for its text and is not UTF-8. What a client sends is its own doing: a handler that doesn't catch this
/// has its connection closed with 1003 for a binary message, with 1007 for a text (RFC 6455 §7.4.1), and nothing is recorded as an
/// error. That is so for messages of the handler's own connection; those of others, and those that the application made, are the
/// handler's fault, with 1011. <see cref="Exception.InnerException"/> is the decoder's, if it was asked.
/// </summary>
public sealed class NotTextException : FormatException
{
    private static readonly UTF8Encoding Strict = new(false, true);

    private NotTextException(DecoderFallbackException error, MessageKind kind, Driver? origin)
        : base(
            kind.IsText
                ? Invariant($"The text is no UTF-8, from byte {error.Index} on.")
                : Invariant($"The message is bytes, and no UTF-8 from byte {error.Index} on."),
            error
        )
    {
        Kind = kind;
        Origin = origin;
    }

    internal NotTextException(MessageKind kind, Driver? origin)
        : base("The message is bytes, where a text was wanted.")
    {
        Kind = kind;
        Origin = origin;
    }

    /// <summary>What the peer said that the message is.</summary>
    public MessageKind Kind { get; }

    /// <summary>The connection that received the message; null when the application made it.</summary>
    internal Driver? Origin { get; }

    internal static string Decode(ReadOnlySpan<byte> payload, MessageKind kind, Driver? origin)
    {
        try
        {
            return Strict.GetString(payload);
        }
        catch (DecoderFallbackException error)
        {
            throw new NotTextException(error, kind, origin);
        }
    }
}
