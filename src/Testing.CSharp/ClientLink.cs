using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The client's end of a stream: bytes and heads, with a bound on every wait.</summary>
internal sealed class ClientLink(Transport transport, Medium medium, TimeSpan timeout) : IDisposable
{
    private byte[] buffer = new byte[4096];
    private int start;
    private int end;

    /// <summary>The bytes that were received and not consumed.</summary>
    public ReadOnlyMemory<byte> Received => buffer.AsMemory(start, end - start);

    public void Consume(int count) => start += count;

    /// <summary>A deadline for one call.</summary>
    public Deadline Deadline(TimeSpan? span) =>
        FunctionalWs.Deadline.After(
            medium.Clock,
            span is null ? timeout : WaitingTime.Checked(span, "timeout")
        );

    /// <summary>Waits for something that another thread does; false when the time was up first.</summary>
    public bool WaitUntil(Func<bool> condition, Deadline deadline) =>
        medium.WaitUntil(condition, deadline);

    /// <summary>Waits for more bytes; false at the end of the stream.</summary>
    /// <exception cref="TimeoutException">Nothing came before the deadline.</exception>
    public bool Fill(Deadline deadline, string awaited)
    {
        if (!transport.WaitReadable(deadline))
            throw new TimeoutException(
                Invariant($"The server sent nothing in time: {awaited} was awaited.")
            );
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        if (end == buffer.Length)
            Array.Resize(ref buffer, buffer.Length * 2);
        var size = transport.Read(buffer.AsSpan(end));
        end += size;
        return size > 0;
    }

    /// <exception cref="TimeoutException">The server doesn't read. A part may have been written.</exception>
    /// <exception cref="IOException">The server has ended the stream.</exception>
    public void Write(ReadOnlySpan<byte> source)
    {
        var deadline = Deadline(null);
        while (true)
        {
            source = source[transport.TryWrite(source)..];
            if (source.IsEmpty)
                return;
            if (!medium.WaitWritable(transport, deadline))
                throw new TimeoutException("The server didn't read what was sent in time.");
        }
    }

    public void End() => transport.ShutdownSend();

    /// <summary>The head of a response; what follows it is left.</summary>
    public ResponseHead ReadHead()
    {
        var deadline = Deadline(null);
        var reader = new ResponseReader();
        while (true)
        {
            switch (reader.Read(Received.Span))
            {
                case ResponseParse.Complete complete:
                    Consume(complete.Consumed);
                    return complete.Head;
                case ResponseParse.Incomplete incomplete:
                    Consume(Received.Length);
                    reader = incomplete.Next;
                    break;
                case { } broken:
                    throw new InvalidDataException(
                        Invariant($"The server broke the protocol: {broken}.")
                    );
            }
            if (!Fill(deadline, "an answer"))
                throw new IOException("The server ended the stream without an answer.");
        }
    }

    /// <summary>The body that follows a head, or what came of it before the end of the stream.</summary>
    public Response ReadBody(string method, ResponseHead head)
    {
        End(); // the server waits for it, for a second
        var deadline = Deadline(null);
        while (Fill(deadline, "the end of the answer")) { }
        var body = new ArrayBufferWriter<byte>();
        var parse = BodyReader.Create(Array.MaxLength, method, head).Receive(Received.Span, body);
        if (parse is BodyParse.Incomplete incomplete)
            parse = incomplete.Next.ReceiveEndOfStream();
        if (parse is BodyParse.Malformed { Error.IsEndOfStream: false } malformed)
            throw new InvalidDataException(
                Invariant($"The server broke the protocol: {malformed.Error}")
            );
        return RefusedAnswer.ToResponse(head).WithBody(body.WrittenMemory);
    }

    public void Dispose() => transport.Abort();
}
