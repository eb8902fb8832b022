using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>An answer that opens nothing, with what is to be had of its body: it may tell people why.</summary>
internal static class RefusedAnswer
{
    // Who refuses is in no hurry to end its stream, and may be in none to finish what it says.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Reads the body that follows a head: as much as is kept, and as comes within three seconds and the time that there is. A
    /// body that breaks a rule ends there.
    /// </summary>
    /// <param name="transport">Where it comes from. What follows the body is lost.</param>
    /// <param name="method">The method that was answered.</param>
    /// <param name="head">The head.</param>
    /// <param name="arrived">What came behind the head and is taken from the stream already.</param>
    /// <param name="settings">How much of it is kept.</param>
    /// <param name="limit">What time there is.</param>
    public static Response Read(
        Transport transport,
        string method,
        ResponseHead head,
        ReadOnlySpan<byte> arrived,
        DialSettings settings,
        TimeLimit limit
    )
    {
        var body = new ArrayBufferWriter<byte>();
        var deadline = Deadline.After(settings.Clock, Patience);
        if (limit.Deadline.Timestamp < deadline.Timestamp)
            deadline = limit.Deadline;
        var parse = BodyReader.Create(settings.MaxRefusalBody, method, head).Receive(arrived, body);
        var buffer = new byte[4 * 1024];
        while (parse is BodyParse.Incomplete incomplete && !deadline.HasPassed)
        {
            if (!transport.WaitReadable(deadline))
                continue;
            var size = transport.Read(buffer);
            if (size <= 0)
                break;
            parse = incomplete.Next.Receive(buffer.AsSpan(0, size), body);
        }
        return ToResponse(head).WithBody(body.WrittenMemory);
    }

    /// <summary>An answer without its body.</summary>
    public static Response ToResponse(ResponseHead head) =>
        Response
            .Empty(head.StatusCode > 599 ? 500 : head.StatusCode)
            .WithReasonPhrase(head.ReasonPhrase)
            .WithHeaders(head.Headers);
}
