using System.Net;

namespace FunctionalWs.Testing;

/// <summary>The server's end of a stream, which tells whether a handler waits for input on it.</summary>
internal sealed class ObservedTransport(Transport inner, EndPoint? remoteEndPoint) : Transport
{
    private volatile bool isWaiting;

    /// <summary>True while a thread waits for input and there is none: everything that was sent has been taken.</summary>
    /// <remarks>In this order: whoever has taken it between the two looks is no longer the one that waited.</remarks>
    public bool IsWaiting => !inner.IsReadable && isWaiting;

    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => remoteEndPoint;

    /// <summary>What a layer lies over; this one is none.</summary>
    public override Transport Bottom => ReferenceEquals(inner.Bottom, inner) ? this : inner.Bottom;

    public Transport Inner => inner;

    public override bool CanLoop => inner.CanLoop;

    public override void StopWaiting() => inner.StopWaiting();

    public override void Wait() => inner.Wait();

    public override bool IsDrained => inner.IsDrained;

    public override bool IsReadable => inner.IsReadable;

    public override long Looks => inner.Looks;

    public override int Read(Span<byte> destination) => inner.Read(destination);

    /// <summary>Only <c>Receive</c> and its kin wait here; its deadline is fixed by then.</summary>
    public override bool WaitReadable(Deadline deadline)
    {
        isWaiting = true;
        try
        {
            return inner.WaitReadable(deadline);
        }
        finally
        {
            isWaiting = false;
        }
    }

    public override void Write(ReadOnlySpan<byte> source) => inner.Write(source);

    public override int TryWrite(ReadOnlySpan<byte> source) => inner.TryWrite(source);

    public override void ShutdownSend() => inner.ShutdownSend();

    public override bool TryShutdownSend() => inner.TryShutdownSend();

    public override void Abort() => inner.Abort();

    public override void Dispose() => inner.Dispose();
}
