using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// The system's own calls on a socket that blocks, where the platform's cost more: its <c>Receive</c> asks for what comes along
/// with bytes, too, and it has no sending without waiting. Safe from any thread; while a call is under way the socket's number
/// is not given to another one.
/// </summary>
internal static unsafe partial class LinuxSocket
{
    private const int DontWait = 0x40; // MSG_DONTWAIT
    private const int CloseOnExec = 0x80000; // SOCK_CLOEXEC
    private const nuint OutQueue = 0x5411; // SIOCOUTQ
    private const int SetFlags = 4; // F_SETFL: O_NONBLOCK is the only one that a socket of ours may have
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL: a broken stream is an error, not the end of the process

    /// <summary>Waits for bytes and receives them; how many, 0 at the end of the stream.</summary>
    /// <exception cref="SocketException">The stream is broken.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static int Receive(Socket socket, Span<byte> destination)
    {
        fixed (byte* data = destination)
        {
            nint size;
            do size = Receive(socket.SafeHandle, data, (nuint)destination.Length, 0);
            while (size < 0 && LastError == Errno.Interrupted);
            return size >= 0 ? (int)size : throw Failure();
        }
    }

    /// <summary>Receives what has come; 0 at the end of the stream, -1 when nothing has.</summary>
    /// <exception cref="SocketException">The stream is broken.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static int TryReceive(Socket socket, Span<byte> destination)
    {
        fixed (byte* data = destination)
        {
            nint size;
            do size = Receive(socket.SafeHandle, data, (nuint)destination.Length, DontWait);
            while (size < 0 && LastError == Errno.Interrupted);
            return size >= 0 ? (int)size
                : LastError == Errno.WouldBlock ? -1
                : throw Failure();
        }
    }

    /// <summary>Sends what can be sent; waits until that is something.</summary>
    /// <exception cref="SocketException">The stream is broken.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static int Send(Socket socket, ReadOnlySpan<byte> source)
    {
        var size = Send(socket, source, NoSignal);
        return size >= 0 ? (int)size : throw Failure();
    }

    /// <summary>Sends what can be sent without waiting.</summary>
    /// <exception cref="SocketException">The stream is broken.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static int TrySend(Socket socket, ReadOnlySpan<byte> source)
    {
        var size = Send(socket, source, NoSignal | DontWait);
        return size >= 0 ? (int)size
            : LastError == Errno.WouldBlock ? 0
            : throw Failure();
    }

    /// <summary>Sends what can be sent of two pieces without waiting, by one call.</summary>
    /// <exception cref="SocketException">The stream is broken.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static int TrySend(Socket socket, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        fixed (byte* start = first)
        fixed (byte* rest = second)
        {
            var pieces = stackalloc Piece[2];
            pieces[0] = new Piece { Start = start, Size = (nuint)first.Length };
            pieces[1] = new Piece { Start = rest, Size = (nuint)second.Length };
            var pack = new Pack { Pieces = pieces, Count = 2 };
            nint size;
            do size = SendPack(socket.SafeHandle, &pack, NoSignal | DontWait);
            while (size < 0 && LastError == Errno.Interrupted);
            return size >= 0 ? (int)size
                : LastError == Errno.WouldBlock ? 0
                : throw Failure();
        }
    }

    /// <summary>
    /// Waits for a client. The platform's <c>Accept</c> throws when the client has bound itself to an address that it can't
    /// read, and loses the client's socket with it.
    /// </summary>
    /// <exception cref="SocketException">There is none to be had.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static Socket Accept(Socket listener)
    {
        int descriptor;
        do descriptor = Accept(listener.SafeHandle, 0, 0, CloseOnExec);
        while (descriptor < 0 && LastError == Errno.Interrupted);
        if (descriptor < 0)
            throw Failure();
        return new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    /// <summary>
    /// Makes calls on a socket wait again. The platform, which can make them not wait, only imitates waiting from then on.
    /// </summary>
    /// <exception cref="SocketException">The system doesn't let it.</exception>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static void MakeBlocking(Socket socket)
    {
        if (Control(socket.SafeHandle, SetFlags, 0) < 0)
            throw Failure();
    }

    /// <summary>The bytes that were written and are not acknowledged by the peer's system; 0 once the socket is closed.</summary>
    public static int Unacknowledged(Socket socket)
    {
        try
        {
            int size;
            return Control(socket.SafeHandle, OutQueue, &size) == 0 ? size : 0;
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private static nint Send(Socket socket, ReadOnlySpan<byte> source, int flags)
    {
        fixed (byte* data = source)
        {
            nint size;
            do size = Send(socket.SafeHandle, data, (nuint)source.Length, flags);
            while (size < 0 && LastError == Errno.Interrupted);
            return size;
        }
    }

    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    private static SocketException Failure()
    {
        var error = LastError;
        return new SocketException(
            (int)ToSocketError(error),
            Marshal.GetPInvokeErrorMessage((int)error)
        );
    }

    private static SocketError ToSocketError(Errno error) =>
        error switch
        {
            Errno.Interrupted => SocketError.Interrupted,
            Errno.WouldBlock => SocketError.WouldBlock,
            Errno.OutOfMemory or Errno.NoBuffers => SocketError.NoBufferSpaceAvailable,
            Errno.InvalidArgument => SocketError.InvalidArgument,
            Errno.TooManyOpenInSystem or Errno.TooManyOpen => SocketError.TooManyOpenSockets,
            Errno.BrokenPipe => SocketError.Shutdown,
            Errno.ConnectionAborted => SocketError.ConnectionAborted,
            Errno.ConnectionReset => SocketError.ConnectionReset,
            Errno.NotConnected => SocketError.NotConnected,
            Errno.TimedOut => SocketError.TimedOut,
            Errno.HostUnreachable => SocketError.HostUnreachable,
            _ => SocketError.SocketError, // its text tells which
        };

    // As on all of Linux's architectures that the platform runs on.
    private enum Errno
    {
        Interrupted = 4,
        WouldBlock = 11,
        OutOfMemory = 12,
        InvalidArgument = 22,
        TooManyOpenInSystem = 23,
        TooManyOpen = 24,
        BrokenPipe = 32,
        ConnectionAborted = 103,
        ConnectionReset = 104,
        NoBuffers = 105,
        NotConnected = 107,
        TimedOut = 110,
        HostUnreachable = 113,
    }

    // struct iovec
    private struct Piece
    {
        public byte* Start;
        public nuint Size;
    }

    // struct msghdr
    private struct Pack
    {
        public nint Name;
        public uint NameSize;
        public Piece* Pieces;
        public nuint Count;
        public nint Control;
        public nuint ControlSize;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendPack(SafeSocketHandle socket, Pack* pack, int flags);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept(
        SafeSocketHandle socket,
        nint address,
        nint addressSize,
        int flags
    );

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeSocketHandle socket, byte* data, nuint size, int flags);

    [DllImport("libc", EntryPoint = "ioctl")]
    private static extern int Control(SafeSocketHandle socket, nuint request, int* value);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeSocketHandle socket, int command, nint flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeSocketHandle socket, byte* data, nuint size, int flags);
}
