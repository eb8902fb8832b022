using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>What becomes of an opening handshake: the answer, if there is one, and why.</summary>
internal sealed record OpeningDecision(
    Request? Request,
    Response? Response,
    string? Subprotocol,
    bool IsAccepted,
    string Reason
);

/// <summary>
/// The server's side of opening handshakes, on the connection's own thread: the core decides, this reads and writes.
/// </summary>
internal sealed class Opening(ServerOptions options, Func<bool> isStopping, Log log)
{
    /// <summary>How long a rejected client may take to see its answer before the stream is cut.</summary>
    public static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private const int MaxLingerBytes = 64 * 1024;

    private readonly HandshakePolicy policy = options.ToHandshakePolicy();

    private DateTimeOffset Now => options.TimeProvider.GetUtcNow();

    /// <summary>Reads a request and decides on it. Bytes that came after it stay in the buffer.</summary>
    public OpeningDecision Decide(Transport transport, FrameInput input)
    {
        if (ReadRequest(transport, input) is not { } parse)
            return Ignored("the stream ended before the request was complete");
        if (parse is RequestParse.Malformed malformed)
            return Malformed(malformed.Error);
        var request = ((RequestParse.Complete)parse).Request;
        if (isStopping())
            return new(request, Unavailable(), null, false, "the server is shutting down");
        return Handshake.Respond(policy, Now, request) switch
        {
            HandshakeResult.Accepted accepted => new(
                request,
                accepted.Response,
                accepted.Subprotocol.IsSome ? accepted.Subprotocol.Value : null,
                true,
                ""
            ),
            HandshakeResult.Rejected rejected => new(
                request,
                rejected.Response,
                null,
                false,
                HandshakeErrorModule.Describe(rejected.Error)
            ),
            _ => throw new InvalidOperationException("There is no third result."),
        };
    }

    /// <summary>Sends the answer; true when that opened the connection.</summary>
    public bool TryAnswer(Transport transport, OpeningDecision decision)
    {
        if (decision.Response is not { } response)
        {
            log.HandshakeIgnored(decision.Reason, transport.Failure);
            return false;
        }

        try
        {
            transport.Write(ToBytes(response));
        }
        catch (IOException error)
        {
            log.HandshakeIgnored("the peer left before the answer was sent", error);
            return false;
        }
        if (!decision.IsAccepted)
            log.HandshakeRejected(response.StatusCode, response.ReasonPhrase, decision.Reason);
        return decision.IsAccepted;
    }

    /// <summary>
    /// Lets a rejected client see its answer: closing a stream with unread input would take the answer back. Bounded by the
    /// watcher in time, and here in bytes.
    /// </summary>
    public void Linger(Transport transport)
    {
        transport.ShutdownSend();
        var discarded = ArrayPool<byte>.Shared.Rent(4096);
        var total = 0;
        int size;
        while (total < MaxLingerBytes && (size = transport.Read(discarded)) > 0)
            total += size;
        ArrayPool<byte>.Shared.Return(discarded);
    }

    /// <summary>The answer to a client for whom there is no room, in bytes.</summary>
    public ReadOnlySpan<byte> Busy() => ToBytes(Unavailable());

    private RequestParse? ReadRequest(Transport transport, FrameInput input)
    {
        while (true)
        {
            if (TryParse(input) is { IsIncomplete: false } parse)
                return parse;
            if (!input.Fill(transport))
                return null;
        }
    }

    private static RequestParse? TryParse(FrameInput input)
    {
        if (!input.Reader.TryRead(out var result))
            return null;
        var buffer = result.Buffer;
        var parse = Http.ReadRequest(RequestHeadLimits.Default, buffer);
        if (parse is RequestParse.Complete complete)
            input.Reader.AdvanceTo(buffer.GetPosition(complete.Consumed));
        else
            input.Reader.AdvanceTo(buffer.Start, buffer.End);
        return parse;
    }

    private static OpeningDecision Ignored(string reason) => new(null, null, null, false, reason);

    private OpeningDecision Malformed(HandshakeError error)
    {
        var response = Handshake.RejectError(policy, Now, error);
        return new(
            null,
            response.IsSome ? response.Value : null,
            null,
            false,
            HandshakeErrorModule.Describe(error)
        );
    }

    private Response Unavailable() =>
        Handshake.Reject(
            policy,
            Now,
            503,
            Headers.Empty.Add("Retry-After", "5"),
            "The server takes no further connections at the moment.\n"
        );

    private static ReadOnlySpan<byte> ToBytes(Response response)
    {
        var bytes = new ArrayBufferWriter<byte>();
        Http.WriteResponse(response, bytes);
        return bytes.WrittenSpan;
    }
}
