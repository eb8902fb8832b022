using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// Wakes the one thread that waits for it, or the next that will. It neither spins nor costs more than one call of the system:
/// on Linux that is the kernel's own futex, which an <see cref="AutoResetEvent"/> comes to after many more calls.
/// </summary>
internal sealed unsafe partial class Signal
{
    private const int WaitPrivate = 128; // FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    private const int WakePrivate = 129; // FUTEX_WAKE | FUTEX_PRIVATE_FLAG

    // The number of the call (SYS_futex); 0 where it isn't known.
    private static readonly nint Futex =
        !OperatingSystem.IsLinux() ? 0
        : RuntimeInformation.ProcessArchitecture is Architecture.X64 ? 202
        : RuntimeInformation.ProcessArchitecture is Architecture.Arm64 ? 98
        : 0;

    // Pinned: the kernel knows it by its address. Element 0 is 1 while the signal is set.
    private readonly int[] word = GC.AllocateArray<int>(1, pinned: true);
    private readonly AutoResetEvent? other = Futex == 0 ? new(false) : null;

    /// <summary>Wakes the thread that waits, or spares the next one the waiting. From any thread.</summary>
    public void Set()
    {
        if (other is not null)
            other.Set();
        else if (Interlocked.Exchange(ref word[0], 1) == 0)
            _ = Call(Futex, Address, WakePrivate, 1, null);
    }

    /// <summary>
    /// Waits until it is set, and resets it; false when the time was up first, or for no reason at all. By one thread at a time.
    /// </summary>
    /// <exception cref="ThreadInterruptedException">Not on Linux, where <see cref="Thread.Interrupt"/> waits for a later wait.</exception>
    public bool Wait(TimeSpan timeout)
    {
        if (other is not null)
            return other.WaitOne(timeout);
        if (TryReset())
            return true;
        if (timeout == TimeSpan.Zero)
            return false; // the kernel would wait for the shortest time that it knows
        var time = stackalloc long[]
        {
            timeout.Ticks / TimeSpan.TicksPerSecond,
            Nanoseconds(timeout),
        };
        _ = Call(Futex, Address, WaitPrivate, 0, timeout < TimeSpan.Zero ? null : time);
        return TryReset();
    }

    private static long Nanoseconds(TimeSpan timeout) =>
        timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;

    private bool TryReset() => Interlocked.Exchange(ref word[0], 0) == 1;

    private int* Address => (int*)Marshal.UnsafeAddrOfPinnedArrayElement(word, 0);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(
        nint number,
        int* word,
        nint operation,
        nint value,
        long* timeout
    );
}
