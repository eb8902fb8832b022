using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Reads the answer to an opening handshake off a connection's input.</summary>
internal static class ResponseInput
{
    /// <summary>The most that is kept of the body of an answer that opens no connection, in bytes.</summary>
    public const int MaxBodySize = 64 * 1024;

    // What a server may have sent beyond its answer's head: the beginning of frames.
    private const int MaxReadSize = 8 * 1024;

    /// <summary>A request in bytes.</summary>
    public static ReadOnlySpan<byte> ToBytes(Request request)
    {
        var bytes = new ArrayBufferWriter<byte>(1024);
        request.WriteTo(bytes);
        return bytes.WrittenSpan;
    }

    /// <summary>An answer without its body.</summary>
    public static Response ToResponse(ResponseHead head) =>
        Response
            .Empty(Math.Min(head.StatusCode, 599))
            .WithReasonPhrase(head.ReasonPhrase)
            .WithHeaders(head.Headers);

    /// <summary>Waits for an answer; null when the stream ended before it was complete. Bytes that come after it stay in the buffer.</summary>
    public static ResponseParse? Read(Transport transport, MessageInput input)
    {
        var reader = new ResponseReader();
        while (true)
        {
            var parse = Parse(input, reader);
            if (parse is ResponseParse.Incomplete incomplete)
                reader = incomplete.Next;
            else if (parse is not null)
                return parse;
            if (input.FillBuffer(transport, MaxReadSize) is Filled.End)
                return null;
        }
    }

    /// <summary>Null when nothing has come.</summary>
    private static ResponseParse? Parse(MessageInput input, ResponseReader reader)
    {
        if (!input.Reader.TryRead(out var result))
            return null;
        var buffer = result.Buffer;
        var parse = reader.Read(buffer);
        var taken = parse switch
        {
            ResponseParse.Complete complete => complete.Consumed,
            ResponseParse.Incomplete => buffer.Length,
            _ => 0,
        };
        input.SkipRequest(buffer, taken, parse.IsComplete ? taken : buffer.Length);
        return parse;
    }

    /// <summary>Waits for the body that follows a head: as much of it as came and is kept.</summary>
    public static Response ReadBody(
        Transport transport,
        MessageInput input,
        string method,
        ResponseHead head
    )
    {
        var body = new ArrayBufferWriter<byte>();
        var reader = BodyReader.Create(MaxBodySize, method, head);
        while (reader is not null && TryTake(input, ref reader, body))
        {
            if (reader is not null && input.FillBuffer(transport, MaxReadSize) is Filled.End)
                break;
        }
        return ToResponse(head).WithBody(body.WrittenMemory);
    }

    /// <summary>Takes what has come; false at the end, or when nothing can be made of it.</summary>
    private static bool TryTake(
        MessageInput input,
        ref BodyReader? reader,
        IBufferWriter<byte> body
    )
    {
        if (!input.Reader.TryRead(out var result))
            return true;
        var buffer = result.Buffer;
        foreach (var piece in buffer)
        {
            if (reader?.Receive(piece.Span, body) is BodyParse.Incomplete { Next: var next })
                reader = next;
            else
                reader = null;
        }
        input.SkipRequest(buffer, buffer.Length, buffer.Length);
        return reader is not null;
    }
}
