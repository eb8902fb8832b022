using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message was asked for its text and is not UTF-8. What a client sends is its own doing: a handler that doesn't catch this
/// has its connection closed with 1003 for a binary message, with 1007 for a text (RFC 6455 §7.4.1), and nothing is recorded as an
/// error. <see cref="Exception.InnerException"/> is the decoder's.
/// </summary>
public sealed class NotTextException : FormatException
{
    private static readonly UTF8Encoding Strict = new(false, true);

    private NotTextException(DecoderFallbackException error, MessageKind kind)
        : base(
            kind.IsText
                ? Invariant($"The text is no UTF-8, from byte {error.Index} on.")
                : Invariant($"The message is bytes, and no UTF-8 from byte {error.Index} on."),
            error
        )
    {
        Kind = kind;
    }

    /// <summary>What the peer said that the message is.</summary>
    public MessageKind Kind { get; }

    internal static string Decode(ReadOnlySpan<byte> payload, MessageKind kind)
    {
        try
        {
            return Strict.GetString(payload);
        }
        catch (DecoderFallbackException error)
        {
            throw new NotTextException(error, kind);
        }
    }
}
