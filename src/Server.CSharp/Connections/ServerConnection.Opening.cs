using System.Security.Claims;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>The opening handshake, and what its hooks leave for the handler.</content>
public partial class ServerConnection
{
    private readonly Opening opening;
    private volatile bool isDeciding;
    private volatile CloseStatus? stopStatus;

    /// <summary>
    /// Who the client is, as an authenticating <see cref="FunctionalWs.ProcessRequest"/> found out and set it; null until
    /// then.
    /// </summary>
    public ClaimsPrincipal? User { get; set; }

    /// <summary>The name of <see cref="User"/>; null until the client is authenticated.</summary>
    public string? Username => User?.Identity?.Name;

    /// <summary>
    /// Makes a response for a hook of the handshake to return: a text in UTF-8 with <c>Date</c>, <c>Connection: close</c>,
    /// <c>Content-Length</c>, <c>Content-Type: text/plain; charset=utf-8</c> and <c>Server</c>. It sends nothing.
    /// </summary>
    /// <param name="statusCode">100 to 599; 1xx, 204 and 304 have no body (RFC 9112 §6.3).</param>
    /// <param name="text">The body; may be empty.</param>
    /// <exception cref="ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="ArgumentException">The status doesn't go with a body.</exception>
    /// <exception cref="InvalidOperationException">The connection is open: it has been answered.</exception>
    public Response Respond(int statusCode, string text)
    {
        if (isOpened)
            throw new InvalidOperationException(
                "The connection is open: Respond is for hooks of the opening handshake. A handler sends, or closes."
            );
        return opening.Plain(statusCode, text);
    }

    /// <summary>Tells the connection that the server is stopping. Never waits.</summary>
    internal void Stop(CloseStatus status)
    {
        // Either this sees the connection open, or its own thread sees the status when it has opened.
        Scheduler.Meet(this, Access.Write);
        stopStatus = status;
        Interlocked.MemoryBarrier();
        Scheduler.Meet(this, Access.Read);
        if (isOpened)
            driver.StartClose(status);
        else if (!isDeciding)
            Abort(new OperationCanceledException("The server is shutting down."));
    }

    private bool Open() => TryAnswer(Decide(opening.ReadRequest(transport, driver.Input)));

    private OpeningDecision Decide(RequestParse? parse)
    {
        if (parse is RequestParse.Complete complete)
            return Decide(complete.Request);
        return opening.Decide(this, parse);
    }

    private OpeningDecision Decide(Request request)
    {
        Asked = request;
        LearnClient(request);
        StartSpan(request);
        if (Server.RefuseClient(this) is { } reason)
            return opening.Busy(reason);
        // The hooks' time is not the client's.
        AbortAfter(null);
        Scheduler.Meet(this, Access.Write);
        isDeciding = true;
        return opening.Decide(this, request);
    }

    private bool TryAnswer(OpeningDecision decision)
    {
        if (Answer(decision))
            return true;
        Opening.Linger(transport);
        return false;
    }

    /// <summary>True when the answer has opened the connection; otherwise the client has a moment to see it.</summary>
    private bool Answer(OpeningDecision decision)
    {
        Agree(decision);
        return EndOpening(decision, opening.TryAnswer(this, transport, decision));
    }

    private void Agree(OpeningDecision decision)
    {
        Answered = decision.Response;
        Subprotocol = decision.Subprotocol;
        driver.Open(decision.Extensions, Rule?.MaxMessageSize);
        AbortAfter(options.OpenTimeout);
        Server.EndHandshake(this); // a client that has its answer counts as in
    }

    /// <summary>True when an answer that was sent has opened the connection.</summary>
    private bool EndOpening(OpeningDecision decision, bool isAnswered)
    {
        var isSent = isAnswered && (!decision.IsAccepted || TryEndOpening());
        HandshakeEnded(
            isSent ? HandshakeOutcome.Of(decision) : HandshakeOutcome.Unanswered(OpeningFailure)
        );
        if (isSent && decision.IsAccepted)
        {
            BecomeOpen();
            return true;
        }

        AbortAfter(Opening.LingerTime);
        return false;
    }

    private void BecomeOpen()
    {
        BeginMeasuring();
        BeginAging();
        Scheduler.Meet(this, Access.Write);
        isOpened = true;
        Interlocked.MemoryBarrier();
        Scheduler.Meet(this, Access.Read);
        if (stopStatus is { } status)
            driver.StartClose(status);
    }

    private void AbortAfter(TimeSpan? time) =>
        Volatile.Write(ref abortAt, Deadline.After(options.TimeProvider, time).Timestamp);
}
