using FunctionalWs.Protocol;

namespace FunctionalWs;

// Time, and reading ahead.
internal sealed partial class Driver
{
    /// <summary>What is due; never waits.</summary>
    /// <param name="timestamp">The clock's.</param>
    /// <param name="isUnread">True when bytes of the peer wait to be read.</param>
    public Due Tick(long timestamp, bool isUnread) => Tick(TimeAt(timestamp), isUnread);

    private Due Tick(TimeSpan now, bool isUnread)
    {
        TickStep step;
        WebSocketEndpoint before;
        do
        {
            before = Endpoint;
            step = before.Tick(now, Traffic(isUnread));
        } while (!TryReplace(before, step.Next));
        return step.Due;
    }

    private Traffic Traffic(bool isUnread) =>
        new(
            received: Input.Reads,
            messages: Input.Messages,
            taken: transport.Bottom.Taken,
            sent: output.Writes,
            isSending: output.IsStuck,
            isUnread
        );

    /// <summary>Whether to read on while the application is elsewhere. Under the read gate.</summary>
    public Reading ReadOn(Unread unread)
    {
        WebSocketEndpoint before,
            next;
        do
        {
            before = Endpoint;
            next = before.ReadOn(unread);
        } while (!TryReplace(before, next));
        return next.Reading;
    }

    /// <summary>True when a message may be kept for the application beside those that wait.</summary>
    public bool MayKeep(Unread unread) => IsOpen || unread.Cost < maxUnread;
}
