using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Reads the answer to an opening handshake off a connection's input.</summary>
internal static class ResponseInput
{
    // What a server may have sent beyond its answer's head: the beginning of frames.
    private const int MaxReadSize = 8 * 1024;

    /// <summary>A request in bytes.</summary>
    public static ReadOnlySpan<byte> ToBytes(Request request)
    {
        var bytes = new ArrayBufferWriter<byte>(1024);
        request.WriteTo(bytes);
        return bytes.WrittenSpan;
    }

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

    /// <summary>What has come behind the head: nothing of it stays in the buffer.</summary>
    public static byte[] TakeRest(MessageInput input)
    {
        if (!input.Reader.TryRead(out var result))
            return [];
        var buffer = result.Buffer;
        var rest = buffer.ToArray();
        input.SkipRequest(buffer, buffer.Length, buffer.Length);
        return rest;
    }
}
