using FunctionalWs.Protocol;

namespace FunctionalWs;

// Time, and reading ahead.
internal sealed partial class Driver
{
    /// <summary>What is due; never waits.</summary>
    /// <param name="timestamp">The clock's.</param>
    /// <param name="unread">The bytes of the peer that wait to be read, as far as they were asked for.</param>
    public Due Tick(long timestamp, long unread) => Tick(TimeAt(timestamp), unread);

    private Due Tick(TimeSpan now, long unread)
    {
        TickStep step;
        WebSocketEndpoint before;
        do
        {
            before = Endpoint;
            step = before.Tick(now, Traffic(unread));
        } while (!TryReplace(before, step.Next));
        return step.Due;
    }

    private Traffic Traffic(long unread)
    {
        var (taken, untaken) = transport.Bottom.Progress;
        var isSending = output.IsStuck || transport.IsHeldUp;
        return new(
            received: Input.Received,
            messages: Input.Messages,
            taken,
            untaken: isSending ? Math.Max(untaken, 1) : untaken,
            sent: output.Writes,
            isSending,
            unread
        );
    }

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
    public bool MayKeep(Unread unread) => IsOpen || unread.Cost < rules.MaxUnread;
}
