using System.Collections.Concurrent;

namespace FunctionalWs.Testing;

/// <summary>A thread of the system that carries simulated ones, one after the other: starting one takes longer than most runs.</summary>
internal sealed class Carrier
{
    private static readonly ConcurrentStack<Carrier> Idle = new();

    private readonly SemaphoreSlim woken = new(0);
    private Action work = () => { };

    private Carrier() =>
        new Thread(Loop) { IsBackground = true, Name = "FunctionalWs simulation" }.UnsafeStart();

    /// <summary>Runs something, which must not throw, on a thread that does nothing else meanwhile.</summary>
    public static void Run(Action work)
    {
        if (!Idle.TryPop(out var carrier))
            carrier = new Carrier();
        carrier.work = work;
        carrier.woken.Release();
    }

    private void Loop()
    {
        var thread = new CleanThread();
        while (true)
        {
            if (!Guard.Run(woken.Wait)) // an interrupt of a handler that has long returned
                continue;
            Guard.Run(work);
            thread.Restore();
            work = () => { };
            Idle.Push(this);
        }
    }
}
