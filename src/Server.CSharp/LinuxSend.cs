using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// Sending without waiting on a socket that blocks. The platform's sockets know no such thing: they would have to be asked
/// first whether they are writable, which is a system call more, and then be given little, since that doesn't tell how much.
/// </summary>
internal static partial class LinuxSend
{
    private const int DontWait = 0x40; // MSG_DONTWAIT
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL: a broken stream is an error, not the end of the process
    private const int WouldBlock = 11; // EAGAIN
    private const int Interrupted = 4; // EINTR

    /// <summary>
    /// Sends what can be sent without waiting. False for an error, which the next call of the platform's own reports.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The socket is closed.</exception>
    public static unsafe bool TrySend(Socket socket, ReadOnlySpan<byte> source, out int sent)
    {
        fixed (byte* data = source)
        {
            nint size;
            do size = Send(socket.SafeHandle, data, (nuint)source.Length, DontWait | NoSignal);
            while (size < 0 && Marshal.GetLastPInvokeError() == Interrupted);
            sent = (int)Math.Max(size, 0);
            return size >= 0 || Marshal.GetLastPInvokeError() == WouldBlock;
        }
    }

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static unsafe partial nint Send(
        SafeSocketHandle socket,
        byte* data,
        nuint size,
        int flags
    );
}
