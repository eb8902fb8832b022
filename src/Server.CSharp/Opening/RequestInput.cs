using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Reads one request's head off a connection's input.</summary>
internal static class RequestInput
{
    // What a stranger may have stored beyond the limit of its head.
    private const int MaxReadSize = 8 * 1024;

    /// <summary>Waits for a request; null when the stream ended. Bytes that came after it stay in the buffer.</summary>
    public static RequestParse? Read(Transport transport, MessageInput input, HeadLimits limits)
    {
        var reader = new RequestReader(limits);
        RequestParse? parse;
        while (!TryRead(transport, input, ref reader, out parse))
            continue;
        return parse;
    }

    /// <summary>The same for a transport that doesn't wait: false when it has brought nothing more for now.</summary>
    public static bool TryRead(
        Transport transport,
        MessageInput input,
        ref RequestReader reader,
        out RequestParse? parse
    )
    {
        while (true)
        {
            parse = Parse(input, reader);
            if (parse is RequestParse.Incomplete incomplete)
                reader = incomplete.Next;
            else if (parse is not null)
                return true;
            parse = null;
            var filled = input.FillBuffer(transport, MaxReadSize);
            if (filled is not Filled.Bytes)
                return filled is Filled.End;
        }
    }

    /// <summary>Null when nothing has come.</summary>
    private static RequestParse? Parse(MessageInput input, RequestReader reader)
    {
        if (!input.Reader.TryRead(out var result))
            return null;
        var buffer = result.Buffer;
        var parse = reader.Read(buffer);
        var taken = parse switch
        {
            RequestParse.Complete complete => complete.Consumed,
            RequestParse.Incomplete => buffer.Length,
            _ => 0,
        };
        input.SkipRequest(buffer, taken, parse.IsComplete ? taken : buffer.Length);
        return parse;
    }
}
