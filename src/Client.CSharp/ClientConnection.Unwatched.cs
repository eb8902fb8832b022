using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>
/// A connection that nobody watches over, for tests: it does something only while one of these is called. Calls that leave the rest
/// to the watcher, such as <see cref="WebSocketConnection.WaitClosed"/>, would never return.
/// </content>
public sealed partial class ClientConnection
{
    // What waits to leave is tried again after so long, as the watcher does.
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(20);

    /// <summary>True once nothing that comes from the server matters any more.</summary>
    internal bool IsReceivingOver => driver.IsReceivingOver;

    /// <summary>Takes the next of the messages that have come; null when there is none.</summary>
    internal Message? TryReceive()
    {
        var now = Deadline.After(options.TimeProvider, TimeSpan.Zero);
        return driver.Receiver.TryReceive(now, ReceiveMode.Message, null, out var message)
            ? message.ToMessage(driver)
            : null;
    }

    /// <summary>Begins to close the connection, if that has not begun; never waits.</summary>
    internal void StartClose(CloseStatus status) => driver.StartClose(status);

    /// <summary>
    /// Does the watcher's work on this thread: writes what waits to leave, waits until something comes, reads it once and answers
    /// it. False when the deadline passed first.
    /// </summary>
    internal bool Step(Deadline deadline)
    {
        driver.Vitals.Flush();
        // What was read together with what came before it: nothing else may come.
        driver.Receiver.ReadAhead(isReadable: false, out var hasDone);
        if (hasDone)
            return true;
        var isSliced = driver.IsBlocked && !driver.IsBroken;
        var next = isSliced ? Deadline.After(options.TimeProvider, Calm) : deadline;
        if (transport.WaitReadable(next.Timestamp < deadline.Timestamp ? next : deadline))
            driver.Receiver.ReadAhead(isReadable: true, out _);
        else if (deadline.HasPassed)
            return false;
        return true;
    }
}
