using System.Buffers;
using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The client's end of a stream: bytes and heads, with a bound on every wait.</summary>
internal sealed class ClientLink(Transport transport, Medium medium, TimeSpan timeout) : IDisposable
{
    private static readonly byte[] EndOfHead = "\r\n\r\n"u8.ToArray();

    private byte[] buffer = new byte[4096];
    private int start;
    private int end;

    /// <summary>The bytes that were received and not consumed.</summary>
    public ReadOnlyMemory<byte> Received => buffer.AsMemory(start, end - start);

    public void Consume(int count) => start += count;

    /// <summary>A deadline for one call.</summary>
    public Deadline Deadline(TimeSpan? span) =>
        FunctionalWs.Deadline.After(medium.Clock, span ?? timeout);

    /// <summary>Waits for something that another thread does; false when the time was up first.</summary>
    public bool WaitUntil(Func<bool> condition, Deadline deadline) =>
        medium.WaitUntil(condition, deadline);

    /// <summary>Waits for more bytes; false at the end of the stream.</summary>
    /// <exception cref="TimeoutException">Nothing came before the deadline.</exception>
    public bool Fill(Deadline deadline, string awaited)
    {
        if (!transport.WaitReadable(deadline))
            throw new TimeoutException($"The server sent nothing in time: {awaited} was awaited.");
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
    public Response ReadResponse()
    {
        var deadline = Deadline(null);
        int length;
        while ((length = Received.Span.IndexOf(EndOfHead)) < 0)
        {
            if (!Fill(deadline, "an answer"))
                throw new IOException("The server ended the stream without an answer.");
        }
        var head = Encoding.Latin1.GetString(Received.Span[..length]);
        Consume(length + EndOfHead.Length);
        return Parse(head);
    }

    /// <summary>Everything until the end of the stream.</summary>
    public byte[] ReadToEnd()
    {
        End(); // the server waits for it, for a second
        var deadline = Deadline(null);
        while (Fill(deadline, "the end of the answer")) { }
        return Received.ToArray();
    }

    public void Dispose() => transport.Abort();

    private static Response Parse(string head)
    {
        var lines = head.Split("\r\n");
        var status = lines[0].Split(' ', 3);
        var fields = lines
            .Skip(1)
            .Select(line => line.Split(": ", 2))
            .Select(field => KeyValuePair.Create(field[0], field[1]));
        return Response
            .Empty(int.Parse(status[1]))
            .WithReasonPhrase(status[2])
            .WithHeaders(Headers.Create(fields));
    }
}
