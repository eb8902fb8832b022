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

    // A large write goes in pieces: what the peer takes of it shows in between.
    private const int PieceSize = 256 * 1024;

    private readonly Socket socket;
    private readonly bool isTcp;
    private long written;
    private long continued; // what was written since it had to wait: the peer has made room for it
    private bool isWaiting; // the last write without waiting left something
    private int safeWriteSize; // 0 until it is asked for

    public SocketTransport(Socket socket)
    {
        this.socket = socket;
        isTcp = socket.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6;
        // On Linux it comes from the socket that listens.
        if (!OperatingSystem.IsLinux())
            DisableDelay(socket);
        // Captured now: a closed socket no longer tells.
        LocalEndPoint = Unmapped(AddressOf(socket, isRemote: false));
        RemoteEndPoint = Unmapped(AddressOf(socket, isRemote: true));
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

    /// <summary>What was written and isn't on its way any more; elsewhere what was written only when there was room again.</summary>
    public override (long Taken, long Untaken) Progress
    {
        get
        {
            if (!isTcp || !OperatingSystem.IsLinux())
                return (Volatile.Read(ref continued), 0);
            var sent = Volatile.Read(ref written);
            var untaken = LinuxSocket.Unacknowledged(socket);
            return (sent - untaken, untaken);
        }
    }

    public override long Unread => IsReadable ? Math.Max(Arrived, 1) : 0;

    public override int Arrived
    {
        get
        {
            try
            {
                return socket.Available;
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                return 0; // the read that follows reports the end
            }
        }
    }

    public override bool IsReadable => Poll(0, SelectMode.SelectRead);

    private const int MaxDiscarded = 64 * 1024;

    private volatile bool isAborted;

    // Whoever reads knows when there is something: a loop. Guarded by the read gate, as what was read then.
    private bool isWaitless;
    private bool isDrained; // the last read got less than there was room for: what comes later is told
    private volatile bool isEnding; // there may be an end behind what was read, of which nothing more is told

    public override bool CanLoop => MessageLoop.IsAvailable;

    public override void StopWaiting() => isWaitless = true;

    public override nint Hold()
    {
        var isHeld = false;
        socket.SafeHandle.DangerousAddRef(ref isHeld);
        return socket.SafeHandle.DangerousGetHandle();
    }

    public override void LetGo() => socket.SafeHandle.DangerousRelease();

    /// <summary>From now on reading waits again.</summary>
    public override void Wait() => isWaitless = false;

    /// <summary>There may be more to read than the last read left.</summary>
    public override void Rouse() => isDrained = false;

    public override bool IsDrained => isWaitless && isDrained;

    public override void End() => isEnding = true;

    public override int Read(Span<byte> destination)
    {
        try
        {
            return isWaitless ? ReadNow(destination)
                : OperatingSystem.IsLinux() ? LinuxSocket.Receive(socket, destination)
                : socket.Receive(destination);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            Failure ??= error;
            return 0;
        }
    }

    private int ReadNow(Span<byte> destination)
    {
        if (isDrained)
            return -1;
        var size = LinuxSocket.TryReceive(socket, destination);
        isDrained = size < 0 || size > 0 && size < destination.Length && !isEnding;
        return size;
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
            if (!source.IsEmpty)
                source = source[TryWrite(source)..];
            while (!source.IsEmpty)
            {
                var size = Send(source[..Math.Min(source.Length, PieceSize)]);
                source = source[size..];
                Count(size, hasWaited: true);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    public override void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        if (!OperatingSystem.IsLinux())
        {
            base.Write(head, rest);
            return;
        }
        try
        {
            var size = LinuxSocket.TrySend(socket, head, rest);
            Count(size, isWaiting);
            isWaiting = size < head.Length + rest.Length;
            if (size < head.Length)
                Write(head[size..]);
            Write(rest[Math.Max(size - head.Length, 0)..]);
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
            var size = OperatingSystem.IsLinux()
                ? LinuxSocket.TrySend(socket, source)
                : TryWritePieces(source);
            Count(size, isWaiting);
            isWaiting = size < source.Length;
            return size;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    // Written by the holder of the write gate alone.
    private void Count(int size, bool hasWaited)
    {
        Volatile.Write(ref written, written + size);
        if (hasWaited)
            Volatile.Write(ref continued, continued + size);
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

    public override void Abort()
    {
        isAborted = true;
        Shutdown(SocketShutdown.Both);
    }

    public override void Dispose()
    {
        if (!isAborted)
            DiscardUnread();
        socket.Dispose();
    }

    /// <summary>
    /// The system resets a stream of which something is unread as it is closed, and the peer may lose what was sent to it last: the close
    /// frame. So what is there is read, but no more than so much of it, and nothing is waited for.
    /// </summary>
    private void DiscardUnread()
    {
        Span<byte> discarded = stackalloc byte[4096];
        try
        {
            for (var left = MaxDiscarded; left > 0 && socket.Available > 0; )
            {
                var size = socket.Receive(discarded);
                left = size > 0 ? left - size : 0;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // It has been reset, by the peer perhaps.
        }
    }

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

    /// <summary>Null for an address that the platform can't read, such as a path that fills all of its room.</summary>
    private static EndPoint? AddressOf(Socket socket, bool isRemote)
    {
        try
        {
            return isRemote ? socket.RemoteEndPoint : socket.LocalEndPoint;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private bool Poll(int microseconds, SelectMode mode)
    {
        try
        {
            return socket.Poll(microseconds, mode);
        }
        catch (ObjectDisposedException error)
        {
            Failure ??= error;
            return true; // the operation that follows reports the end
        }
        catch (SocketException)
        {
            // The kernel couldn't look, for want of memory: that says nothing about the stream, and whoever took it for readable would wait.
            if (microseconds > 0)
                Thread.Yield(); // who waits asks again
            return false;
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
