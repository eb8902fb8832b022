using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>A message that is about to be sent, as an extension sees it.</summary>
public readonly ref struct OutgoingMessage
{
    internal OutgoingMessage(
        MessageKind kind,
        ReadOnlySpan<byte> data,
        bool isFragmented,
        bool? compress
    )
    {
        Kind = kind;
        Data = data;
        IsFragmented = isFragmented;
        Compress = compress;
    }

    /// <summary>Whether it is text or bytes.</summary>
    public MessageKind Kind { get; }

    /// <summary>Its bytes; of a fragmented message the first fragment.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>True for a message that is sent in fragments: more may follow.</summary>
    public bool IsFragmented { get; }

    /// <summary>What the sender asked for in this matter; null for nothing.</summary>
    public bool? Compress { get; }
}
