using System.Collections;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The fragments of one message, as they arrive (RFC 6455 §5.4). Nothing happens before the first step; from then on until
/// the last fragment, an exception that ends it, or <see cref="Dispose"/>, the connection's receiving side belongs to it.
/// To be used by one thread at a time, once; a <c>foreach</c> disposes of it.
/// </summary>
/// <remarks>
/// One that is left early drops the rest of its message, so that the next call receives the next message. After a
/// <see cref="TimeoutException"/>, and an <see cref="OperationCanceledException"/>, nothing is lost: the next step goes on.
/// </remarks>
public sealed class MessageStream : IEnumerable<Fragment>, IEnumerator<Fragment>
{
    private readonly WebSocketConnection connection;
    private readonly TimeSpan? timeout;
    private readonly CancellationToken cancellation;
    private Stage stage = Stage.NotStarted;
    private ReceivedMessage received; // where Current comes from
    private int fragments; // of those, handed out so far
    private byte[] carried = []; // the beginning of a character

    private enum Stage
    {
        NotStarted,
        Receiving,
        Ended,
    }

    internal MessageStream(
        WebSocketConnection connection,
        TimeSpan? timeout,
        CancellationToken cancellation
    )
    {
        this.connection = connection;
        this.timeout = timeout;
        this.cancellation = cancellation;
    }

    /// <summary>The fragment of the last step; empty before the first.</summary>
    public Fragment Current { get; private set; }

    object IEnumerator.Current => Current;

    /// <summary>Waits for the next fragment, for the time that <c>ReceiveStreaming</c> was given.</summary>
    /// <returns>False when the message has ended.</returns>
    /// <exception cref="TimeoutException">No fragment came in time.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a fragment was there.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended before the message.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public bool MoveNext()
    {
        if (stage is Stage.Ended)
            return false;
        if (stage is Stage.NotStarted)
            connection.BeginReceiving(nameof(WebSocketConnection.ReceiveStreaming));
        stage = Stage.Receiving;
        try
        {
            Current = Next();
        }
        catch (ConnectionClosedException)
        {
            End();
            throw;
        }
        if (Current.IsLast)
            End();
        return true;
    }

    /// <summary>Gives this stream itself: it can be enumerated once.</summary>
    /// <exception cref="InvalidOperationException">The enumeration has begun already.</exception>
    public IEnumerator<Fragment> GetEnumerator() =>
        stage is Stage.NotStarted
            ? this
            : throw new InvalidOperationException("A message stream can be enumerated once.");

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// The rest of the message as a stream of bytes that can be read once, also by one thread at a time: what <c>JsonSerializer</c>,
    /// <c>CopyTo</c> and <c>StreamReader</c> take. It throws what <see cref="MoveNext"/> does; to dispose of it is to dispose of this.
    /// </summary>
    public Stream AsStream() => new FragmentStream(this);

    /// <summary>Not supported: what was received is gone.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public void Reset() => throw new NotSupportedException("A message is received once.");

    /// <summary>
    /// Ends the receiving. What has not been received of the message is dropped, now or when it comes; never waits for it.
    /// </summary>
    public void Dispose()
    {
        if (stage is Stage.Receiving)
        {
            connection.DiscardRest();
            End();
        }
        stage = Stage.Ended;
    }

    private void End()
    {
        stage = Stage.Ended;
        connection.EndReceiving();
    }

    private Fragment Next()
    {
        var ends = received.Ends;
        if (ends is null || fragments == ends.Count)
        {
            received = connection.ReceiveFragments(timeout, cancellation);
            ends = received.Ends;
            fragments = 0;
        }

        var start = ends is null || fragments == 0 ? 0 : ends[fragments - 1];
        var end = ends is null ? received.Data.Length : ends[fragments];
        fragments++;
        var isLast = received.IsLast && (ends is null || fragments == ends.Count);
        var data = received.Data[start..end];
        var whole = received.Kind.IsText ? Whole(data, isLast) : data;
        return connection.ToFragment(received.Kind, whole, isLast);
    }

    /// <summary>A piece of text that ends with a whole character; the beginning of another is kept for the next.</summary>
    private ReadOnlyMemory<byte> Whole(ReadOnlyMemory<byte> data, bool isLast)
    {
        if (carried.Length > 0)
            data = (byte[])[.. carried, .. data.Span];
        var kept = isLast ? 0 : Utf8Text.IncompleteTail(data.Span);
        carried = data.Span[^kept..].ToArray();
        return data[..^kept];
    }
}
