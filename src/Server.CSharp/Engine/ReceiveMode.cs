namespace FunctionalWs;

/// <summary>What a receiver wants.</summary>
internal enum ReceiveMode
{
    /// <summary>Complete messages.</summary>
    Message,

    /// <summary>Complete messages, in memory that is given back.</summary>
    Lent,

    /// <summary>The fragments of messages, as they come.</summary>
    Fragments,
}
