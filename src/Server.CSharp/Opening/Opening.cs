using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The server's side of opening handshakes, on the connection's own thread: reads a request, sends the answer. What the
/// answer is, <see cref="OpeningPolicy"/> decides.
/// </summary>
internal sealed class Opening(ServerOptions options, Func<bool> isStopping, Log log)
{
    /// <summary>How long a rejected client may take to see its answer before the stream is cut.</summary>
    public static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private const int MaxLingerBytes = 64 * 1024;
    private const int UsualHeadSize = 1024;

    private readonly HeadLimits limits = options.ToHeadLimits();
    private readonly OpeningPolicy policy = new(options, isStopping, log);

    /// <summary>Waits for a request; null when the stream ended. Bytes that came after it stay in the buffer.</summary>
    public RequestParse? ReadRequest(Transport transport, MessageInput input) =>
        RequestInput.Read(transport, input, limits);

    /// <summary>What begins to read a request.</summary>
    public RequestReader NewReader() => new(limits);

    /// <summary>Decides on what was read.</summary>
    public OpeningDecision Decide(ServerConnection connection, RequestParse? parse) =>
        parse switch
        {
            RequestParse.Complete complete => Decide(connection, complete.Request),
            RequestParse.Malformed malformed => policy.Decide(malformed.Error),
            { IsNotHttp: true } => OpeningDecision.Ignored("the stream doesn't begin as HTTP does"),
            _ => OpeningDecision.Ignored("the stream ended before the request was complete"),
        };

    /// <summary>Decides on a request.</summary>
    public OpeningDecision Decide(ServerConnection connection, Request request) =>
        policy.Decide(connection, request);

    /// <summary>Sends the answer; false when there is none, or it could not be sent.</summary>
    /// <param name="connection">The connection: it knows best why its stream ended.</param>
    /// <param name="transport">Its stream.</param>
    /// <param name="decision">What was decided.</param>
    public bool TryAnswer(
        ServerConnection connection,
        Transport transport,
        OpeningDecision decision
    )
    {
        if (decision.Response is not { } response)
        {
            log.HandshakeIgnored(decision.Reason, connection.OpeningFailure);
            return false;
        }

        try
        {
            transport.Write(ToBytes(response));
        }
        catch (IOException error)
        {
            log.HandshakeIgnored(
                "the answer could not be sent",
                connection.OpeningFailure ?? error
            );
            return false;
        }
        if (!decision.IsAccepted)
            log.HandshakeAnswered(connection, response, decision.Reason);
        return true;
    }

    /// <summary>
    /// Lets a rejected client see its answer: closing a stream with unread input would take the answer back. Bounded by the
    /// watcher in time, and here in bytes.
    /// </summary>
    public static void Linger(Transport transport)
    {
        transport.ShutdownSend();
        var total = 0L;
        while (!HasLeft(transport, ref total))
            continue;
    }

    /// <summary>Reads what a rejected client still sends; true when that is its end, or too much, false when nothing more has come.</summary>
    /// <param name="transport">Its stream, of which the sending side was shut down.</param>
    /// <param name="total">How many bytes that were.</param>
    public static bool HasLeft(Transport transport, ref long total)
    {
        var discarded = ThreadBuffers.Pool.Rent(4096);
        try
        {
            int size;
            while ((size = transport.Read(discarded)) > 0 && total < MaxLingerBytes)
                total += size;
            return size >= 0;
        }
        finally
        {
            ThreadBuffers.Pool.Return(discarded);
        }
    }

    /// <summary>Turns a client away for whom there is no room.</summary>
    public OpeningDecision Busy(string reason) =>
        OpeningDecision.Rejected(policy.Unavailable(), reason);

    /// <summary>The answer to a client for whom there is no room.</summary>
    public Response Unavailable() => policy.Unavailable();

    /// <summary>The same in bytes.</summary>
    public ReadOnlySpan<byte> Busy() => ToBytes(policy.Unavailable());

    /// <summary>A complete response with a plain text.</summary>
    public Response Plain(int statusCode, string text) => policy.Plain(statusCode, text);

    private static ReadOnlySpan<byte> ToBytes(Response response)
    {
        // Room for a usual head, so that a large body is not moved as the buffer grows.
        var bytes = new ArrayBufferWriter<byte>(UsualHeadSize + response.Body.Length);
        response.WriteTo(bytes);
        return bytes.WrittenSpan;
    }
}
