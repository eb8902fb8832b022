using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace FunctionalWs;

/// <summary>
/// The file of a Unix socket that this server has bound. It is known by its inode: a file that somebody else has put in
/// its place is left alone.
/// </summary>
internal sealed class UnixSocketFile
{
    /// <summary>What the kernel's address has room for, in bytes of UTF-8.</summary>
    public const int MaxPathLength = 107;

    private readonly string path;
    private readonly FileIdentity? identity;

    private UnixSocketFile(string path)
    {
        this.path = path;
        identity = FileIdentity.Of(path);
    }

    /// <summary>Makes an address of a path, which must fit.</summary>
    /// <exception cref="ArgumentException">The path is empty, too long or has a NUL in it.</exception>
    public static UnixDomainSocketEndPoint ToEndPoint(string path)
    {
        if (path.Length == 0)
            throw new ArgumentException("The path of a Unix socket is empty.", nameof(path));
        RequireWhole(path);
        var length = Encoding.UTF8.GetByteCount(path);
        if (length > MaxPathLength)
            throw new ArgumentException(
                Invariant(
                    $"The path '{path}' takes {length} bytes: a Unix socket's has {MaxPathLength} at most."
                ),
                nameof(path)
            );
        return new UnixDomainSocketEndPoint(path);
    }

    // The kernel takes what comes before a NUL for the whole path. One at its beginning is an abstract address.
    private static void RequireWhole(string path)
    {
        if (path.IndexOf('\0', 1) > 0)
            throw new ArgumentException(
                Invariant(
                    $"The path '{PeerText.Escape(path)}' has a NUL in it: a file can't be called that."
                ),
                nameof(path)
            );
    }

    /// <summary>
    /// Binds a socket and listens; a file that a server which is gone has left behind makes room. From the look at that file to
    /// the listening it is one step: of several servers that want the same path, one gets it.
    /// </summary>
    public static (Socket Socket, UnixSocketFile? File) Listen(
        UnixDomainSocketEndPoint endPoint,
        ServerOptions options
    )
    {
        var path = endPoint.ToString();
        // An abstract address, which has no file, is shown with an @ before it.
        if (path.StartsWith('@'))
            return (Listening(BindOrReplace(endPoint, null), endPoint, options), null);

        RequireWhole(path);
        using var step = FolderLock.Take(path);
        var socket = BindOrReplace(endPoint, path);
        try
        {
            var file = new UnixSocketFile(path);
            if (options.UnixSocketMode is { } mode && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, mode);
            return (Detached(Listening(socket, endPoint, options)), file);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Deletes the file unless it is another one by now. Never throws.</summary>
    public void DeleteIfOurs()
    {
        if (identity is null)
            return;
        using var step = FolderLock.Take(path);
        if (FileIdentity.Of(path) == identity)
            TryDelete(path);
    }

    private static Socket Listening(
        Socket socket,
        UnixDomainSocketEndPoint endPoint,
        ServerOptions options
    )
    {
        try
        {
            socket.Listen(options.Backlog);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw Listener.Failed(error, endPoint.ToString());
        }
    }

    private static Socket BindOrReplace(UnixDomainSocketEndPoint endPoint, string? path)
    {
        try
        {
            return Bound(endPoint);
        }
        catch (SocketException error)
        {
            var isStale =
                error.SocketErrorCode == SocketError.AddressAlreadyInUse
                && path is not null
                && IsStale(endPoint, path);
            if (!isStale || !TryDelete(path!))
                throw Listener.Failed(error, endPoint.ToString(), Reason(path));
        }

        try
        {
            return Bound(endPoint);
        }
        catch (SocketException error)
        {
            throw Listener.Failed(error, endPoint.ToString());
        }
    }

    /// <summary>What the system's own words don't tell; null when they do.</summary>
    private static string? Reason(string? path)
    {
        if (path is null)
            return null;
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        return !Directory.Exists(folder) ? Invariant($"there is no folder {folder}")
            : Directory.Exists(path) ? "it is a folder"
            : FileIdentity.Of(path) is { IsSocket: false }
                ? "there is a file already, which is no socket"
            : null;
    }

    private static Socket Bound(UnixDomainSocketEndPoint endPoint)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>True for a socket's file at which nobody listens any more.</summary>
    private static bool IsStale(UnixDomainSocketEndPoint endPoint, string path)
    {
        if (FileIdentity.Of(path) is not { IsSocket: true })
            return false;
        using var probe = new Socket(
            AddressFamily.Unix,
            SocketType.Stream,
            ProtocolType.Unspecified
        );
        probe.Blocking = false; // a server whose backlog is full would let us wait
        try
        {
            probe.Connect(endPoint);
            return false;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    /// <summary>
    /// The same socket in an object that doesn't know the path: the one that has bound it would delete whatever file is
    /// there at its end.
    /// </summary>
    private static Socket Detached(Socket bound)
    {
        var handle = bound.SafeHandle.DangerousGetHandle();
        var socket = new Socket(new SafeSocketHandle(handle, ownsHandle: true));
        bound.SafeHandle.SetHandleAsInvalid();
        GC.SuppressFinalize(bound);
        return socket;
    }

    private static bool TryDelete(string path)
    {
        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>What tells a file from another at the same path.</summary>
    private sealed record FileIdentity(uint DeviceMajor, uint DeviceMinor, ulong Inode, ushort Mode)
    {
        // struct statx, the same on all of Linux's machines.
        private const int Size = 256;
        private const int ModeOffset = 28;
        private const int InodeOffset = 32;
        private const int DeviceMajorOffset = 136;
        private const int DeviceMinorOffset = 140;
        private const int CurrentFolder = -100;
        private const int NoFollow = 0x100;
        private const uint TypeAndInode = 0x1 | 0x100;

        public bool IsSocket => (Mode & 0xF000) == 0xC000;

        /// <summary>Null when there is no file, and where the system can't be asked: then nothing is ever deleted.</summary>
        public static FileIdentity? Of(string path)
        {
            if (!OperatingSystem.IsLinux())
                return null;
            var status = new byte[Size];
            if (
                Statx(
                    CurrentFolder,
                    Encoding.UTF8.GetBytes(path + "\0"),
                    NoFollow,
                    TypeAndInode,
                    status
                ) != 0
            )
                return null;
            return new FileIdentity(
                BitConverter.ToUInt32(status, DeviceMajorOffset),
                BitConverter.ToUInt32(status, DeviceMinorOffset),
                BitConverter.ToUInt64(status, InodeOffset),
                (ushort)(BitConverter.ToUInt16(status, ModeOffset) & 0xF000)
            );
        }

        [DllImport("libc", EntryPoint = "statx")]
        private static extern int Statx(
            int folder,
            byte[] path,
            int flags,
            uint mask,
            byte[] status
        );
    }
}
