namespace FunctionalWs;

/// <summary>
/// Who watches over clients' connections: one thread for all of the process, which sleeps while there are none; one of its own for a
/// connection with another clock.
/// </summary>
internal static class ClientWatcher
{
    private static readonly Lock Gate = new();
    private static volatile Watcher? shared;
    private static volatile Log? lastLog; // of the client that came last

    /// <summary>The watcher for connections with these options.</summary>
    /// <param name="options">Whose clock and threads are used.</param>
    /// <param name="log">Where it is told that a look has failed.</param>
    /// <param name="isShared">False for one that is to end with its connection.</param>
    public static Watcher For(ClientOptions options, Log log, out bool isShared)
    {
        isShared =
            options.TimeProvider == TimeProvider.System && options.Scheduler == Scheduler.System;
        if (!isShared)
            return Start(options, log, log.WatcherFailed);
        lastLog = log;
        if (shared is { } watcher)
            return watcher;
        using (Gate.Hold())
            return shared ??= Start(options, log, error => lastLog.WatcherFailed(error));
    }

    /// <summary>One that never looks, for a connection whose user does its work: see <see cref="ClientConnection.Step"/>.</summary>
    public static Watcher Absent(ClientOptions options) =>
        new(options.TimeProvider, options.Scheduler, null, static _ => { }, null);

    private static Watcher Start(ClientOptions options, Log log, Action<Exception> failed)
    {
        var watcher = new Watcher(options.TimeProvider, options.Scheduler, null, failed, null);
        watcher.Start(new CallbackContext(log, options.Scheduler));
        return watcher;
    }
}
