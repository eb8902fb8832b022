using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Reads one request's head. What has arrived is parsed again only when there is more than an unfinished line to it, so that
/// a head in single bytes costs about what its size costs, not the square of that.
/// </summary>
internal struct RequestReader(RequestHeadLimits limits)
{
    private const byte LineFeed = (byte)'\n';

    // What a stranger may have stored beyond the limit of its head.
    private const int MaxReadSize = 8 * 1024;

    private long seen;
    private long lineStart;

    /// <summary>Waits for a request; null when the stream ended. Bytes that came after it stay in the buffer.</summary>
    public RequestParse? Read(Transport transport, FrameInput input)
    {
        while (true)
        {
            if (TryParse(input) is { IsIncomplete: false } parse)
                return parse;
            if (!input.Fill(transport, MaxReadSize))
                return null;
        }
    }

    private RequestParse? TryParse(FrameInput input)
    {
        if (!input.Reader.TryRead(out var result))
            return null;
        var buffer = result.Buffer;
        var parse = IsWorthParsing(buffer) ? Http.ReadRequest(limits, buffer) : null;
        if (parse is RequestParse.Complete complete)
            input.SkipRequest(buffer, complete.Consumed);
        else
            input.Reader.AdvanceTo(buffer.Start, buffer.End);
        return parse;
    }

    /// <summary>True when a line has ended since the last look, or the unfinished one or the head breaks a limit.</summary>
    private bool IsWorthParsing(in ReadOnlySequence<byte> buffer)
    {
        var lineBefore = lineStart;
        var unseen = new SequenceReader<byte>(buffer.Slice(seen));
        while (unseen.TryAdvanceTo(LineFeed))
            lineStart = seen + unseen.Consumed;
        seen = buffer.Length;

        var maxLine = lineStart == 0 ? limits.MaxRequestLineLength : limits.MaxHeaderLineLength;
        return lineStart > lineBefore || seen - lineStart > maxLine || seen > limits.MaxHeadSize;
    }
}
