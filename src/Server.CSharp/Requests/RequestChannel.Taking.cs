using System.Text;

namespace FunctionalWs;

/// <content>What comes from the peer.</content>
public sealed partial class RequestChannel
{
    private int unanswered;

    /// <summary>The number of the peer's requests that are not answered, and still have time.</summary>
    public int Unanswered => Volatile.Read(ref unanswered);

    /// <summary>
    /// Takes a message that was received: brings a response to who waits for it, and gives a request. Never waits.
    /// </summary>
    /// <param name="message">The message; the request keeps its memory.</param>
    /// <param name="request">A request of the peer's, which somebody has to answer; null when the message was none.</param>
    /// <returns>False for a message of another kind, which is not the channel's.</returns>
    public bool TryTake(Message message, out IncomingRequest? request)
    {
        request = null;
        pending.Taken();
        if (!RequestFrame.TryRead(message.Data.Span, out var frame))
            return false;
        request = Take(
            frame,
            new Message(message.Kind, message.Data[frame.Size..], message.Origin)
        );
        return true;
    }

    /// <summary>Takes a lent message, as one that can be kept: only what is the channel's is copied.</summary>
    /// <inheritdoc cref="TryTake(Message, out IncomingRequest?)"/>
    public bool TryTake(LentMessage message, out IncomingRequest? request)
    {
        request = null;
        pending.Taken();
        return RequestFrame.TryRead(message.Data, out _)
            && TryTake(message.ToMessage(), out request);
    }

    private IncomingRequest? Take(RequestFrame frame, Message payload)
    {
        switch (frame.Role)
        {
            case RequestRole.Response:
                pending.TryAnswer(frame.Id, payload);
                return null;
            case RequestRole.Failure:
                var reason = Encoding.UTF8.GetString(payload.Data.Span); // whatever it is
                pending.TryFail(frame.Id, connection.Failed(reason));
                return null;
            default:
                return Begin(frame.Id, payload);
        }
    }

    private IncomingRequest? Begin(long id, Message payload)
    {
        if (Interlocked.Increment(ref unanswered) <= options.MaxUnanswered)
            return IncomingRequest.Begin(this, id, payload, options.AnswerTimeout);
        End();
        PostFailure(id, "too many requests");
        return null;
    }

    // ---- For an incoming request

    internal WebSocketConnection Connection => connection;

    internal void End() => Interlocked.Decrement(ref unanswered);

    /// <summary>The answer could not be sent: it is a request that waits again.</summary>
    internal void GoOn() => Interlocked.Increment(ref unanswered);

    /// <summary>Tells the peer of a failure without waiting for it, and without code of the application's.</summary>
    internal void PostFailure(long id, string reason)
    {
        var text = Invariant($"-{id} {reason}");
        if (connection is ServerConnection server)
            Broadcast.Send([server], text, compress: false);
        else
            connection.Scheduler.Post(() =>
                Guard.Run(() => connection.Send(text, compress: false))
            );
    }
}
