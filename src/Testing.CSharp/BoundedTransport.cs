using System.Net;

namespace FunctionalWs.Testing;

/// <summary>A test client's end of a stream: no use of it waits for longer than the client's timeout.</summary>
internal sealed class BoundedTransport(Transport inner, Medium medium, TimeSpan timeout) : Transport
{
    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    public override Transport Bottom => inner.Bottom;

    public override bool IsReadable => inner.IsReadable;

    public override long Looks => inner.Looks;

    /// <exception cref="TimeoutException">Nothing has come in time.</exception>
    public override int Read(Span<byte> destination)
    {
        if (!inner.WaitReadable(Deadline.After(medium.Clock, timeout)))
            throw new TimeoutException("The server did not answer in time.");
        var size = inner.Read(destination);
        Failure ??= inner.Failure;
        return size;
    }

    public override bool WaitReadable(Deadline deadline) => inner.WaitReadable(deadline);

    /// <exception cref="TimeoutException">The server hasn't read in time. A part may have been written.</exception>
    public override void Write(ReadOnlySpan<byte> source)
    {
        var deadline = Deadline.After(medium.Clock, timeout);
        while (true)
        {
            source = source[inner.TryWrite(source)..];
            if (source.IsEmpty)
                return;
            if (!medium.WaitWritable(inner, deadline))
                throw new TimeoutException("The server did not read what was sent in time.");
        }
    }

    public override int TryWrite(ReadOnlySpan<byte> source) => inner.TryWrite(source);

    public override void ShutdownSend() => inner.ShutdownSend();

    public override bool TryShutdownSend() => inner.TryShutdownSend();

    public override void Abort() => inner.Abort();

    public override void Dispose() => inner.Dispose();
}
