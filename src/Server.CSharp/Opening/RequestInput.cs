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
        while (true)
        {
            switch (Parse(input, reader))
            {
                case RequestParse.Incomplete incomplete:
                    reader = incomplete.Next;
                    break;
                case { } parse:
                    return parse;
            }
            if (!input.Fill(transport, MaxReadSize))
                return null;
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
