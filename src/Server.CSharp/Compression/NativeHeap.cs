using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// The heap that compressed streams lie in. The C library keeps what is given back to it; where it can, it is told to give
/// that on to the system, now and then.
/// </summary>
internal static partial class NativeHeap
{
    // Less is not worth the walk through the heap.
    private const long Worthwhile = 1024 * 1024;

    private static long inUse;
    private static long released;
    private static bool canTrim = OperatingSystem.IsLinux();

    /// <summary>The bytes that were taken and not given back.</summary>
    public static long InUse => Volatile.Read(ref inUse);

    /// <summary>So many bytes were taken. From any thread.</summary>
    public static void Taken(int bytes) => Interlocked.Add(ref inUse, bytes);

    /// <summary>So many bytes were given back. From any thread.</summary>
    public static void Released(int bytes)
    {
        Interlocked.Add(ref inUse, -bytes);
        Interlocked.Add(ref released, bytes);
        IdleMemory.Expect();
    }

    /// <summary>Gives memory on to the system, if there is enough of it. From any thread.</summary>
    public static void Trim()
    {
        if (!canTrim || Volatile.Read(ref released) < Worthwhile)
            return;
        Interlocked.Exchange(ref released, 0);
        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            canTrim = false; // not the C library of GNU
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint keep);
}
