namespace FunctionalWs;

/// <content>What requests over a connection need of it.</content>
public abstract partial class WebSocketConnection
{
    /// <summary>The clock of its time limits.</summary>
    internal TimeProvider Clock => options.TimeProvider;

    internal Scheduler Scheduler => options.Scheduler;

    /// <summary>What a call throws that needs the connection open.</summary>
    internal ConnectionClosedException ClosedException() => driver.ClosedException();

    /// <summary>What a call throws for which the client has kept silent: no fault of the handler's that lets it out.</summary>
    internal TimeoutException NoMessage(string text) => new NoMessageException(text, driver);

    /// <summary>A token for work that is done for the client, cancelled as <see cref="Closed"/> is.</summary>
    internal NotOpenToken NewToken() => new(driver, options.Scheduler, log);

    /// <summary>The same for a client that says no.</summary>
    internal RequestFailedException Failed(string reason) => new(reason, driver);
}
