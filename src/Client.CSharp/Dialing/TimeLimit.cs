namespace FunctionalWs;

/// <summary>How long it may take to get to a server, and whether anybody still wants to get there.</summary>
internal sealed class TimeLimit
{
    /// <summary>
    /// The longest wait without a look at the clock, which may be one of the application's own, and at the token: neither of them
    /// wakes a thread that waits in the system.
    /// </summary>
    public static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(20);

    private readonly string target;
    private readonly TimeSpan allowed;

    /// <param name="target">Where it goes, for messages.</param>
    /// <param name="deadline">When it has taken too long.</param>
    /// <param name="cancellation">Says that nobody wants it any more.</param>
    public TimeLimit(string target, Deadline deadline, CancellationToken cancellation)
    {
        this.target = target;
        Deadline = deadline;
        Cancellation = cancellation;
        allowed = deadline.IsNever ? Timeout.InfiniteTimeSpan : deadline.Remaining;
    }

    public Deadline Deadline { get; }

    public CancellationToken Cancellation { get; }

    /// <summary>Goes on only while there is time, and somebody who wants it.</summary>
    /// <param name="missing">What has not happened yet, as a sentence without its end.</param>
    /// <exception cref="OperationCanceledException">Nobody does.</exception>
    /// <exception cref="TimeoutException">There is no time left.</exception>
    public void Check(Func<string> missing)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (Deadline.HasPassed)
            throw Exceeded(missing());
    }

    /// <summary>What is thrown when time is up.</summary>
    /// <param name="missing">What has not happened yet, as a sentence without its end.</param>
    /// <param name="inner">What the end of the time led to, if anything.</param>
    public TimeoutException Exceeded(string missing, Exception? inner = null) =>
        new(
            Invariant(
                $"There was no connection to {target} within {allowed.TotalSeconds:0.###} s: {missing}."
            ),
            inner
        );
}
