using System.Diagnostics;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>What the connection tells for metrics and traces.</content>
public partial class ServerConnection
{
    private long since; // the handshake's begin, then the connection's
    private Activity? span; // likewise

    /// <summary>True while output waits since the peer doesn't read.</summary>
    internal bool IsBlocked => isOpened && driver.IsBlocked;

    /// <summary>The bytes of messages that wait to be sent.</summary>
    internal long QueueSize => driver.QueueSize;

    private TimeSpan Elapsed => options.TimeProvider.GetElapsedTime(since);

    /// <summary>A request has arrived. On the connection's own thread, so that hooks run inside the span.</summary>
    private void StartSpan(Request request) =>
        Trace(() => span = Spans.StartHandshake(this, request, Elapsed));

    private void HandshakeEnded(HandshakeOutcome outcome)
    {
        Server.Metrics.HandshakeEnded(Elapsed, outcome);
        Trace(() =>
        {
            if (span is not null)
                Spans.EndHandshake(span, this, outcome);
        });
    }

    /// <summary>The handshake has been accepted: on the connection's own thread, before anybody sees the connection open.</summary>
    private void BeginMeasuring()
    {
        since = options.TimeProvider.GetTimestamp();
        Trace(() => span = Spans.StartConnection(this, span?.Context));
        CountMessages();
        Server.Metrics.ConnectionOpened();
    }

    private protected override void EndMeasuring(Exception? failure)
    {
        if (!isOpened)
        {
            Trace(() => span?.Stop());
            return;
        }
        Interlocked.MemoryBarrier();
        driver.EndCounting();
        var outcome = ConnectionOutcome.Of(driver.Ending, failure, Role.Server);
        Server.Metrics.ConnectionEnded(Elapsed, outcome);
        Trace(() =>
        {
            if (span is not null)
                Spans.EndConnection(span, outcome, failure);
        });
    }

    /// <summary>Starts or ends a span: its listeners run on this thread, and are the application's code.</summary>
    private void Trace(Action step)
    {
        try
        {
            step();
        }
        catch (Exception error)
        {
            Activity.Current = null; // one that was begun and will not end
            Server.ListenerFailed(error);
        }
    }
}
