using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// A connected stream socket, used with blocking calls only: one asynchronous operation would switch it to
/// non-blocking mode for good, and each later call would cost a thread hop.
/// </summary>
internal sealed class SocketTransport : Transport
{
    // A socket that polls as writable takes this much without waiting, however small its send buffer is.
    private const int MinWriteSize = 1024;
    private const int MaxWriteSize = 64 * 1024;

    private readonly Socket socket;
    private int safeWriteSize; // 0 until it is asked for

    public SocketTransport(Socket socket)
    {
        this.socket = socket;
        // On Linux it comes from the socket that listens.
        if (!OperatingSystem.IsLinux())
            DisableDelay(socket);
        // Captured now: a closed socket no longer tells.
        LocalEndPoint = Unmapped(socket.LocalEndPoint);
        RemoteEndPoint = Unmapped(socket.RemoteEndPoint);
    }

    public Socket Socket => socket;

    /// <summary>Small frames leave at once (TCP_NODELAY), where there is TCP.</summary>
    public static void DisableDelay(Socket socket)
    {
        if (socket.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
            socket.NoDelay = true;
    }

    public override Socket? PollSocket => socket;

    public override EndPoint? LocalEndPoint { get; }

    public override EndPoint? RemoteEndPoint { get; }

    public override bool IsReadable => Poll(0, SelectMode.SelectRead);

    public override int Read(Span<byte> destination)
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? LinuxSocket.Receive(socket, destination)
                : socket.Receive(destination);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            Failure ??= error;
            return 0;
        }
    }

    /// <summary>Reads bytes and leaves them there: the next read gets them again. 0 at the end.</summary>
    public int Peek(Span<byte> destination)
    {
        try
        {
            return socket.Receive(destination, SocketFlags.Peek);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            Failure ??= error;
            return 0;
        }
    }

    public override bool WaitReadable(Deadline deadline)
    {
        if (deadline.IsNever)
            return true; // Read does the waiting

        while (true)
        {
            // One poll takes at most some 35 minutes.
            var microseconds = Math.Min(deadline.Remaining.TotalMicroseconds, int.MaxValue);
            if (Poll((int)Math.Ceiling(microseconds), SelectMode.SelectRead))
                return true;
            if (deadline.HasPassed)
                return false;
        }
    }

    public override void Write(ReadOnlySpan<byte> source)
    {
        try
        {
            while (!source.IsEmpty)
                source = source[Send(source)..];
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    public override int TryWrite(ReadOnlySpan<byte> source)
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? LinuxSocket.TrySend(socket, source)
                : TryWritePieces(source);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    private int Send(ReadOnlySpan<byte> source) =>
        OperatingSystem.IsLinux() ? LinuxSocket.Send(socket, source) : socket.Send(source);

    /// <summary>Writes as long as the socket says that it takes something.</summary>
    private int TryWritePieces(ReadOnlySpan<byte> source)
    {
        if (safeWriteSize == 0)
            safeWriteSize = SafeWriteSize(socket);
        var written = 0;
        while (written < source.Length && socket.Poll(0, SelectMode.SelectWrite))
        {
            var size = Math.Min(source.Length - written, safeWriteSize);
            written += socket.Send(source.Slice(written, size));
        }
        return written;
    }

    public override void ShutdownSend() => Shutdown(SocketShutdown.Send);

    public override void Abort() => Shutdown(SocketShutdown.Both);

    public override void Dispose() => socket.Dispose();

    /// <summary>
    /// What a socket that polls as writable takes without waiting. Linux says so when a third of the send buffer is free, for
    /// Unix sockets three quarters; half of it may go to the kernel's own bookkeeping.
    /// </summary>
    private static int SafeWriteSize(Socket socket) =>
        OperatingSystem.IsLinux()
            ? Math.Clamp(socket.SendBufferSize / 8, MinWriteSize, MaxWriteSize)
            : MinWriteSize;

    // A socket for both families shows IPv4 as ::ffff:a.b.c.d.
    private static EndPoint? Unmapped(EndPoint? endPoint) =>
        endPoint is IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped
            ? new IPEndPoint(mapped.Address.MapToIPv4(), mapped.Port)
            : endPoint;

    private bool Poll(int microseconds, SelectMode mode)
    {
        try
        {
            return socket.Poll(microseconds, mode);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            Failure ??= error;
            return true; // the operation that follows reports the end
        }
    }

    private IOException Broken(Exception error)
    {
        Failure ??= error;
        return new IOException("The connection is broken.", error);
    }

    private void Shutdown(SocketShutdown how)
    {
        try
        {
            socket.Shutdown(how);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It has ended already: what was wanted.
        }
    }
}
