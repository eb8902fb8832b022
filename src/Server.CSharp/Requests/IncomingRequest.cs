using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace FunctionalWs;

/// <summary>
/// A request of the peer's: see <see cref="RequestChannel"/>. It is answered once, by whoever is first, on any thread; one that is
/// not answered in time fails by itself, and the peer is told <c>timed out</c>. Safe from any thread.
/// </summary>
public sealed class IncomingRequest
{
    private readonly Lock gate = new();
    private readonly RequestChannel channel;
    private readonly NotOpenToken expired;
    private ITimer? timer;
    private CancellationTokenRegistration closed;
    private bool isOver; // answered, or too late
    private bool isAnswering;
    private bool wasLate; // its time is up, or the connection closing, whether it was answered or not
    private bool isExpired;

    private IncomingRequest(RequestChannel channel, long id, Message message)
    {
        this.channel = channel;
        Id = id;
        Message = message;
        expired = channel.Connection.NewToken();
    }

    /// <summary>The number that the peer has given it: zero or more, and unlike others as the peer pleases.</summary>
    public long Id { get; }

    /// <summary>The payload, as text or as bytes: what <c>request.Message.Json(type)</c> and the like are asked of.</summary>
    public Message Message { get; }

    /// <summary>
    /// Cancelled when the time is up before an answer, or the connection is no longer open: for work that is of no use after that. What
    /// is registered runs on the thread pool.
    /// </summary>
    public CancellationToken Expired
    {
        get
        {
            using (gate.Hold())
                return expired.Get(isOpen: !isExpired);
        }
    }

    /// <summary>Answers with a text; waits while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <returns>False when it is too late, or was answered before: nothing was sent.</returns>
    /// <exception cref="ArgumentException">The text has a lone surrogate. It can still be answered.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. It can still be answered.</exception>
    public bool Answer(string text) => Answer(new Message(text));

    /// <summary>Answers with a text or with bytes; waits while the peer does not read.</summary>
    /// <param name="message">The payload: text as text, bytes as bytes.</param>
    /// <returns>False when it is too late, or was answered before: nothing was sent.</returns>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. It can still be answered.</exception>
    public bool Answer(Message message) =>
        TryEnd(() => channel.Send(RequestRole.Response, Id, message));

    /// <summary>Answers with a value in JSON; waits while the peer does not read.</summary>
    /// <param name="value">The value; null is sent as <c>null</c>.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <returns>False when it is too late, or was answered before: nothing was sent.</returns>
    /// <exception cref="NotSupportedException">The type can't be written. It can still be answered.</exception>
    /// <exception cref="JsonException">The value can't be written, such as one in a cycle. It can still be answered.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. It can still be answered.</exception>
    public bool Answer<T>(T value, JsonTypeInfo<T> type) =>
        TryEnd(() => channel.Send(RequestRole.Response, Id, value, type));

    /// <summary>Answers with a failure; waits while the peer does not read.</summary>
    /// <param name="reason">Why, for the peer; may be empty.</param>
    /// <returns>False when it is too late, or was answered before: nothing was sent.</returns>
    /// <exception cref="ArgumentException">The reason has a lone surrogate. It can still be answered.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. It can still be answered.</exception>
    public bool Fail(string reason)
    {
        var message = new Message(reason);
        return TryEnd(() => channel.Send(RequestRole.Failure, Id, message));
    }

    /// <summary>Number and payload's kind and size, for logs.</summary>
    public override string ToString() => Invariant($"Request {Id}: {Message}");

    internal static IncomingRequest Begin(
        RequestChannel channel,
        long id,
        Message message,
        TimeSpan? timeout
    )
    {
        var request = new IncomingRequest(channel, id, message);
        var connection = channel.Connection;
        var timer = connection.Clock.AfterWaiting(timeout, TimeUp, request);
        // When the end has come already, it is called here.
        var closed = connection.Closed.UnsafeRegister(
            static request => ((IncomingRequest)request!).TryExpire(),
            request
        );
        request.Keep(timer, closed);
        return request;
    }

    private void Keep(ITimer? timer, CancellationTokenRegistration closed)
    {
        using (gate.Hold())
        {
            if (!isOver)
            {
                (this.timer, this.closed) = (timer, closed);
                return;
            }
        }
        timer?.Dispose();
        closed.Unregister();
    }

    // On a thread of the clock, which nothing ends.
    private static readonly TimerCallback TimeUp = request =>
        Guard.Run(
            (IncomingRequest)request!,
            static request =>
            {
                // Not on the clock's thread, which other timers wait for.
                if (request.TryExpire())
                    request.channel.Connection.Scheduler.Post(request.FailLate);
            },
            static (_, _) => { }
        );

    private void FailLate() => Guard.Run(() => channel.PostFailure(Id, "timed out"));

    /// <summary>Sends what ends it, unless something has. What couldn't be sent hasn't ended it.</summary>
    private bool TryEnd(Action send)
    {
        if (!TryBegin())
            return false;
        try
        {
            send();
        }
        catch
        {
            TakeBack();
            throw;
        }
        using (gate.Hold())
            isOver = true;
        Ended();
        return true;
    }

    /// <summary>False when it is over, or being answered by another call.</summary>
    private bool TryBegin()
    {
        using (gate.Hold())
        {
            if (isOver || isAnswering)
                return false;
            isAnswering = true;
        }
        channel.End(); // whoever has the answer may ask again at once
        return true;
    }

    /// <summary>Nothing was sent: it can still be answered, unless its time was up meanwhile.</summary>
    private void TakeBack()
    {
        bool isLate;
        using (gate.Hold())
        {
            isAnswering = false;
            isLate = wasLate;
        }
        channel.GoOn();
        if (isLate && TryExpire())
            channel.Connection.Scheduler.Post(FailLate);
    }

    private bool TryExpire()
    {
        using (gate.Hold())
        {
            wasLate = true;
            if (isOver || isAnswering)
                return false;
            isOver = isExpired = true;
            expired.Cancel(); // calls nothing here
        }
        channel.End();
        Ended();
        return true;
    }

    private void Ended()
    {
        timer?.Dispose();
        closed.Unregister();
    }
}
