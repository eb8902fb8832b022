namespace FunctionalWs;

/// <summary>Settings of a <see cref="RequestChannel"/>. Immutable.</summary>
public sealed record RequestChannelOptions
{
    /// <summary>
    /// How long the peer may take to answer a request, unless the call says another time; 10 seconds by default. Zero or more; null
    /// and <see cref="Timeout.InfiniteTimeSpan"/> for as long as the connection lives.
    /// </summary>
    public TimeSpan? Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long this side may take to answer a request of the peer's, which is told then that it has failed; 10 seconds by default.
    /// Zero or more; null and <see cref="Timeout.InfiniteTimeSpan"/> for as long as the connection lives.
    /// </summary>
    public TimeSpan? AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How many requests of the peer's may be unanswered, 1 or more; 1,000 by default. Those beyond it fail at once, and are not
    /// given to the application.
    /// </summary>
    public int MaxUnanswered { get; init; } = 1000;

    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    internal void Validate()
    {
        WaitingTime.Checked(Timeout, nameof(Timeout));
        WaitingTime.Checked(AnswerTimeout, nameof(AnswerTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxUnanswered, 1);
    }
}
