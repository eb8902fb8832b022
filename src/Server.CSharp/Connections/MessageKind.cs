using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>What a message consists of (RFC 6455 §5.6).</summary>
public enum MessageKind
{
    /// <summary>UTF-8 text.</summary>
    Text,

    /// <summary>Bytes.</summary>
    Binary,
}

/// <summary>The same in the words of the core.</summary>
internal static class MessageKinds
{
    extension(MessageKind kind)
    {
        /// <summary>True for text.</summary>
        /// <exception cref="ArgumentOutOfRangeException">It is neither.</exception>
        public bool IsText =>
            kind switch
            {
                MessageKind.Text => true,
                MessageKind.Binary => false,
                _ => throw new ArgumentOutOfRangeException(
                    nameof(kind),
                    kind,
                    "A message is MessageKind.Text or MessageKind.Binary."
                ),
            };
    }

    extension(DataKind kind)
    {
        public MessageKind ForMessage => kind.IsText ? MessageKind.Text : MessageKind.Binary;
    }
}
