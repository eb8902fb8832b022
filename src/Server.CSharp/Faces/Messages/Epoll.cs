using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace FunctionalWs;

/// <summary>
/// The kernel's list of sockets that have something to read: epoll, told once for each change. And what wakes the thread that waits for
/// it. Sockets are added from any thread; one thread waits.
/// </summary>
internal sealed unsafe partial class Epoll : Readiness
{
    private const int CloseOnExec = 0x80000; // EPOLL_CLOEXEC, EFD_CLOEXEC
    private const int NonBlocking = 0x800; // EFD_NONBLOCK
    private const int Add = 1; // EPOLL_CTL_ADD
    private const int Delete = 2; // EPOLL_CTL_DEL
    private const uint Readable = 1; // EPOLLIN
    private const uint Error = 0x8; // EPOLLERR
    private const uint HangUp = 0x10; // EPOLLHUP
    private const uint PeerHangUp = 0x2000; // EPOLLRDHUP
    private const uint OncePerChange = 1u << 31; // EPOLLET
    private const int Interrupted = 4; // EINTR
    private const long Wakening = -1;

    // Handles that know of calls under way: their numbers aren't given to others meanwhile.
    private readonly SafeFileHandle descriptor;
    private readonly SafeFileHandle wakening;

    public Epoll()
    {
        descriptor = Checked(Create(CloseOnExec));
        try
        {
            wakening = Checked(CreateEvent(0, CloseOnExec | NonBlocking));
            // By changes, so nobody has to read what was written to it.
            Listen(wakening.DangerousGetHandle(), Wakening, Readable | OncePerChange);
        }
        catch
        {
            descriptor.Dispose();
            wakening?.Dispose();
            throw;
        }
    }

    public override void Listen(LoopSeat seat, long key) =>
        Listen(seat.Socket, key, Readable | PeerHangUp | OncePerChange);

    private void Listen(nint socket, long key, uint events)
    {
        var change = Change.Of(events, key);
        if (Control(descriptor, Add, (int)socket, &change) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public override void Forget(LoopSeat seat)
    {
        try
        {
            Change none;
            _ = Control(descriptor, Delete, (int)seat.Socket, &none);
        }
        catch (ObjectDisposedException)
        {
            // It listens to nothing any more.
        }
    }

    public override int Wait(Span<Change> changes, bool waits)
    {
        fixed (Change* first = changes)
        {
            var count = Wait(descriptor, first, changes.Length, waits ? -1 : 0);
            return count >= 0 || Marshal.GetLastPInvokeError() == Interrupted
                ? Math.Max(count, 0)
                : throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    public override void Wake()
    {
        try
        {
            var one = 1L;
            _ = Write(wakening, &one, sizeof(long));
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }

    public override void Dispose()
    {
        descriptor.Dispose();
        wakening.Dispose();
    }

    private static SafeFileHandle Checked(SafeFileHandle made) =>
        made.IsInvalid ? throw new Win32Exception(Marshal.GetLastPInvokeError()) : made;

    /// <summary>What has changed about a socket: struct epoll_event.</summary>
    // Packed so on x86-64 alone: the loops are for that machine (see MessageLoop.IsAvailable).
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    public struct Change
    {
        private uint events;
        private long key;

        /// <summary>True when it was a waker's.</summary>
        public readonly bool IsWakening => key == Wakening;

        /// <summary>Which socket's.</summary>
        public readonly long Key => key;

        /// <summary>True when the stream's end has come, or is on its way.</summary>
        public readonly bool IsEnding => (events & (PeerHangUp | HangUp | Error)) != 0;

        public static Change Of(uint events, long key) => new() { events = events, key = key };
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial SafeFileHandle Create(int flags);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial SafeFileHandle CreateEvent(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(
        SafeFileHandle descriptor,
        int operation,
        int socket,
        Change* change
    );

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(
        SafeFileHandle descriptor,
        Change* changes,
        int count,
        int milliseconds
    );

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(SafeFileHandle descriptor, long* data, nint size);
}
