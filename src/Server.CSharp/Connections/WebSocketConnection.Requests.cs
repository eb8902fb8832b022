namespace FunctionalWs;

/// <content>What requests over a connection need of it.</content>
public abstract partial class WebSocketConnection
{
    /// <summary>The clock of its time limits.</summary>
    internal TimeProvider Clock => options.TimeProvider;

    internal Scheduler Scheduler => options.Scheduler;

    /// <summary>What a call throws that needs the connection open.</summary>
    internal ConnectionClosedException ClosedException() => driver.ClosedException();

    /// <summary>How often messages have been asked for; none of those that are given to a handler.</summary>
    internal long Receives => Volatile.Read(ref receives);

    /// <summary>
    /// Refuses to wait for a response where the waiting itself keeps it from coming. A thread of the pool may receive now and ask then,
    /// for others: there it isn't known.
    /// </summary>
    /// <param name="taker">The thread that has last looked at a message for responses.</param>
    /// <exception cref="InvalidOperationException">It would.</exception>
    internal void RequireOtherReceiver(int taker)
    {
        var isReceiver =
            taker == Environment.CurrentManagedThreadId
            && !Thread.CurrentThread.IsThreadPoolThread
            && Receiving is null;
        if (driver.IsOpen && (isGiven ? IsOwnThread : isReceiver))
            throw new InvalidOperationException(
                "Ask would wait on the thread that receives, so the response could never come: use AskAsync without waiting for it there, or ask on another thread."
            );
    }

    /// <summary>What a request throws that has got no response in time. Where nobody has received, the client may have answered.</summary>
    /// <param name="text">What is told.</param>
    /// <param name="receives"><see cref="Receives"/> when the request was made.</param>
    internal TimeoutException NoAnswer(string text, long receives) =>
        !isGiven && Receiving is null && Receives == receives
            ? new TimeoutException(
                Invariant(
                    $"{text} Nobody has received meanwhile, so no response could come: see to it that another thread receives."
                )
            )
            : NoMessage(text);

    /// <summary>What a call throws for which the client has kept silent: no fault of the handler's that lets it out.</summary>
    internal TimeoutException NoMessage(string text) => new NoMessageException(text, driver);

    /// <summary>A token for work that is done for the client, cancelled as <see cref="Closed"/> is.</summary>
    internal NotOpenToken NewToken() => new(driver, options.Scheduler, log);

    /// <summary>The same for a client that says no.</summary>
    internal RequestFailedException Failed(string reason) => new(reason, driver);
}
