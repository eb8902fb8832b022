using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace FunctionalWs;

/// <summary>
/// A lock on the folder of a file, against other servers on this machine: what is done to the file meanwhile is one step for
/// them. The kernel's <c>flock</c> on the folder itself, so nothing is left behind. It orders those who ask for it, and is no
/// protection against others.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private const int ReadFolder = 0x80000; // O_RDONLY | O_CLOEXEC; a path to what is no folder fails later, on its own
    private const int ExclusiveAtOnce = 2 | 4; // LOCK_EX | LOCK_NB

    // Others hold it for some milliseconds. Whoever holds it for long must not keep a server from starting or ending.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    private readonly SafeFileHandle folder;

    private FolderLock(SafeFileHandle folder) => this.folder = folder;

    /// <summary>
    /// Waits for it, and goes on without it after some seconds; null where it can't be had, so that what is to be done fails or
    /// not on its own.
    /// </summary>
    /// <param name="path">The file.</param>
    public static FolderLock? Take(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var parent = Path.GetDirectoryName(path);
        var folder = Open(ToBytes(string.IsNullOrEmpty(parent) ? "." : parent), ReadFolder);
        var taken = new FolderLock(new SafeFileHandle(folder, ownsHandle: true));
        if (taken.TryTake())
            return taken;
        taken.Dispose();
        return null;
    }

    /// <summary>Gives it back.</summary>
    public void Dispose() => folder.Dispose();

    private bool TryTake()
    {
        var until = Deadline.After(TimeProvider.System, Patience);
        while (!folder.IsInvalid)
        {
            if (Flock(folder, ExclusiveAtOnce) == 0)
                return true;
            if (until.HasPassed)
                return false;
            Thread.Sleep(Look);
        }
        return false;
    }

    private static byte[] ToBytes(string path) => Encoding.UTF8.GetBytes(path + "\0");

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "flock")]
    private static extern int Flock(SafeFileHandle file, int operation);
}
