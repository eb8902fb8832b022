namespace FunctionalWs;

/// <summary>
/// The peer has answered a request with a failure. It is the peer's doing: a handler that doesn't catch this has its connection
/// closed with 1008, and nothing is recorded as an error. Immutable, so safe from any thread.
/// </summary>
public sealed class RequestFailedException : Exception
{
    internal RequestFailedException(string reason, Driver origin)
        : base(
            Invariant(
                $"The peer has answered the request with a failure: {PeerText.Escape(reason)}"
            )
        )
    {
        Reason = reason;
        Origin = origin;
    }

    /// <summary>What the peer says, as it came: any text. In <see cref="Exception.Message"/> it is escaped and cut.</summary>
    public string Reason { get; }

    /// <summary>The connection of the peer.</summary>
    internal Driver Origin { get; }
}
