using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;

namespace FunctionalWs;

/// <summary>
/// A transport over a stream of somebody else's that is asynchronous, both ways at once: what a web server has upgraded. No thread waits
/// for it but where a connection's own one does: what has come, or was taken, is told.
/// </summary>
/// <param name="local">This side's end; null for none.</param>
/// <param name="remote">The other side's; null for none.</param>
internal sealed class StreamTransport(EndPoint? local, EndPoint? remote) : Transport
{
    // What one write takes that others don't wait for: a peer that doesn't read keeps no more of it here.
    private const int PieceSize = 64 * 1024;

    // The other side may have something on its way when this one has said its last, and has to see that before the stream is cut: so it
    // isn't as long as more comes, but for so many looks.
    private static readonly TimeSpan LingerTime = TimeSpan.FromMilliseconds(100);
    private const int MaxLingers = 10;

    // A wait on another clock looks at it again after that.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private static readonly Memory<byte> Nothing = Memory<byte>.Empty;

    private readonly CancellationTokenSource readingEnds = new();
    private readonly StreamUses uses = new();
    private Action? abort;
    private Func<Task>? endSending;

    private volatile bool isAborted;
    private volatile bool isDisposed;

    // ---- Reading, guarded by the read gate but for what is told

    private readonly Signal read = new();
    private ConfiguredValueTaskAwaitable<int>.ConfiguredValueTaskAwaiter reading;
    private volatile Readiness readiness;
    private volatile bool isWaitless;
    private Action? readDone;
    private Action? readOver;
    private volatile bool isReadOver;
    private Timer? linger;
    private int lingers;
    private volatile bool hasRead; // since the last look

    // ---- Writing, guarded by the write gate but for what is told

    private readonly Signal wrote = new();
    private ConfiguredValueTaskAwaitable.ConfiguredValueTaskAwaiter writing;
    private volatile bool isWriting;
    private byte[]? piece; // of the write that is under way
    private int pieceSize;
    private long continued; // what was written that had to wait
    private Action? writeDone;
    private volatile bool isEndingSending;
    private TaskCompletionSource? untaken; // set when what is under way was taken

    private enum Readiness
    {
        /// <summary>Nobody has asked.</summary>
        Unknown,

        /// <summary>The stream tells when there is something.</summary>
        Asked,

        /// <summary>There is something to read, or the end.</summary>
        Ready,
    }

    /// <summary>The stream is there.</summary>
    /// <param name="upgraded">Read by one call at a time and written by one, at the same time; an empty read waits for bytes.</param>
    /// <param name="endSending">Tells the peer that nothing more comes; null where only the end of all of it does.</param>
    public void Attach(Stream upgraded, Func<Task>? endSending)
    {
        this.endSending = endSending;
        uses.Begin(upgraded);
    }

    /// <summary>Tells how to end both directions at once, also while there is no stream: an answer that is under way.</summary>
    /// <param name="abort">From any thread, but not after <see cref="Released"/>.</param>
    public void AbortBy(Action abort)
    {
        Volatile.Write(ref this.abort, abort);
        Interlocked.MemoryBarrier();
        if (isAborted)
            CallAbort();
    }

    /// <summary>Ends once nothing of this uses the stream any more.</summary>
    public Task Released => uses.Over;

    /// <summary>Called when one that doesn't wait has something to read. On the thread that has brought it.</summary>
    public Action? Readable { get; set; }

    /// <summary>Called when this side has ended the stream, or its reading. On the thread that has.</summary>
    public Action? ReadingEnded { get; set; }

    /// <summary>Called when something was taken that had to wait.</summary>
    public Action? Writable { get; set; }

    public override EndPoint? LocalEndPoint => local;

    public override EndPoint? RemoteEndPoint => remote;

    public override (long Taken, long Untaken) Progress =>
        (Volatile.Read(ref continued), isWriting ? 1 : 0);

    public override bool IsHeldUp => isWriting;

    /// <summary>Ends once what is under way was taken, or never will be; null when nothing is.</summary>
    public Task? Untaken()
    {
        if (!isWriting)
            return null;
        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref untaken, wait);
        Interlocked.MemoryBarrier(); // it may be taken at this moment
        if (!isWriting || isAborted)
            wait.TrySetResult();
        return wait.Task;
    }

    public override bool IsReadable => IsOver || readiness is Readiness.Ready;

    private bool IsOver => isAborted || isDisposed || readingEnds.IsCancellationRequested;

    public override void StopWaiting() => isWaitless = true;

    public override void Wait() => isWaitless = false;

    public override void Rouse() => Ask();

    public override bool IsDrained
    {
        get
        {
            if (!isWaitless)
                return false;
            Ask();
            return !IsReadable;
        }
    }

    /// <summary>True while it will tell when there is something to read.</summary>
    public bool WillTell => readiness is Readiness.Asked;

    /// <summary>Asks to be told when there is something, unless that is known, or was asked. Under the read gate.</summary>
    public void Ask()
    {
        if (readiness is not Readiness.Unknown || !uses.TryBegin(out var used))
            return;
        // Told of it before this returns, or in the meantime by another thread: so it is set before.
        readiness = Readiness.Asked;
        try
        {
            reading = used.ReadAsync(Nothing, readingEnds.Token).ConfigureAwait(false).GetAwaiter();
            if (!reading.IsCompleted)
            {
                reading.UnsafeOnCompleted(readDone ??= Told);
                return;
            }
            reading.GetResult();
        }
        catch (Exception error)
        {
            EndReading(error);
        }
        readiness = Readiness.Ready;
        uses.End();
    }

    private void Told()
    {
        try
        {
            reading.GetResult();
        }
        catch (Exception error)
        {
            EndReading(error);
        }
        readiness = Readiness.Ready;
        uses.End();
        read.Set();
        Readable?.Invoke();
    }

    public override bool WaitReadable(Deadline deadline)
    {
        if (deadline.IsNever)
            return true; // Read does the waiting
        Ask();
        while (!IsReadable)
        {
            if (deadline.HasPassed)
                return false;
            var left = deadline.Remaining;
            Await(read, left < Look ? left : Look);
        }
        return true;
    }

    public override int Read(Span<byte> destination)
    {
        var buffer = ThreadBuffers.Pool.Rent(destination.Length);
        try
        {
            var size = ReadInto(buffer.AsMemory(0, destination.Length));
            if (size > 0)
                buffer.AsSpan(0, size).CopyTo(destination);
            return size;
        }
        finally
        {
            ThreadBuffers.Pool.Return(buffer);
        }
    }

    public override int ReadInto(Memory<byte> destination)
    {
        if (isWaitless)
            Ask();
        while (readiness is Readiness.Asked && !IsOver)
        {
            if (isWaitless)
                return -1;
            Await(read, Timeout.InfiniteTimeSpan);
        }
        if (IsOver || !uses.TryBegin(out var used))
            return 0;
        readiness = Readiness.Unknown;
        try
        {
            var task = used.ReadAsync(destination, readingEnds.Token);
            var size = task.IsCompleted ? task.GetAwaiter().GetResult() : AwaitRead(task);
            hasRead = true;
            return size;
        }
        catch (Exception error)
        {
            EndReading(error);
            return 0;
        }
        finally
        {
            uses.End();
        }
    }

    /// <summary>The memory may be a pool's: it isn't left before the stream has left it.</summary>
    private int AwaitRead(ValueTask<int> task)
    {
        var waited = task.ConfigureAwait(false).GetAwaiter();
        isReadOver = false;
        waited.UnsafeOnCompleted(readOver ??= ReadOver);
        // Its source may be used again for others: it isn't asked before it has called.
        while (!isReadOver)
            Await(read, Timeout.InfiniteTimeSpan);
        return waited.GetResult();
    }

    private void ReadOver()
    {
        isReadOver = true;
        read.Set();
    }

    private void EndReading(Exception error)
    {
        if (!readingEnds.IsCancellationRequested)
            Failure ??= error;
        if (error is not OperationCanceledException)
            isAborted = true;
    }

    /// <summary>Where reading waits, this does until all is taken. Elsewhere it takes all at once, once what was before is taken.</summary>
    public override void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        var most = isWaitless ? int.MaxValue : PieceSize;
        while (!rest.IsEmpty)
        {
            AwaitWritten();
            var size = TryWrite(head, rest, most);
            rest = rest[Math.Max(size - head.Length, 0)..];
            head = head[Math.Min(size, head.Length)..];
        }
        if (!isWaitless)
            AwaitWritten();
        if (isAborted)
            throw Broken();
    }

    public override void Write(ReadOnlySpan<byte> source) => Write(default, source);

    private void AwaitWritten()
    {
        while (isWriting && !isAborted)
            Await(wrote, Timeout.InfiniteTimeSpan);
    }

    public override int TryWrite(ReadOnlySpan<byte> source) => TryWrite(default, source, PieceSize);

    /// <summary>A head is short, and leaves with the beginning of the rest.</summary>
    private int TryWrite(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest, int most)
    {
        if (isAborted || isDisposed)
            throw Broken();
        if (isWriting || rest.IsEmpty)
            return 0;
        var size = head.Length + Math.Min(rest.Length, most - head.Length);
        var rented = ThreadBuffers.Pool.Rent(size); // before a use begins, which has to end
        if (!uses.TryBegin(out var used))
        {
            ThreadBuffers.Pool.Return(rented);
            throw Broken();
        }
        piece = rented;
        pieceSize = size;
        head.CopyTo(piece);
        rest[..(size - head.Length)].CopyTo(piece.AsSpan(head.Length));
        isWriting = true; // before anybody may tell of its end
        try
        {
            writing = used.WriteAsync(piece.AsMemory(0, size), default)
                .ConfigureAwait(false)
                .GetAwaiter();
            if (!writing.IsCompleted)
            {
                writing.UnsafeOnCompleted(writeDone ??= Written);
                return size;
            }
            writing.GetResult();
        }
        catch (Exception error)
        {
            EndWriting();
            throw Broken(error);
        }
        EndWriting();
        return size;
    }

    private void EndWriting()
    {
        ThreadBuffers.Pool.Return(piece!);
        piece = null;
        isWriting = false;
        WakeWriters(); // of a write that had not to wait, too: somebody may have seen it under way
        uses.End();
    }

    private void Written()
    {
        try
        {
            writing.GetResult();
            Volatile.Write(ref continued, continued + pieceSize);
        }
        catch (Exception error)
        {
            Broken(error);
        }
        EndWriting();
        Writable?.Invoke();
    }

    private void WakeWriters()
    {
        Interlocked.MemoryBarrier();
        wrote.Set();
        Interlocked.Exchange(ref untaken, null)?.TrySetResult();
    }

    private IOException Broken(Exception? error = null)
    {
        if (error is not null)
        {
            Failure ??= error;
            isAborted = true;
        }
        return new IOException("The connection is broken.", error);
    }

    public override void ShutdownSend() => TryShutdownSend();

    public override bool TryShutdownSend()
    {
        if (isWriting)
            return false;
        if (isEndingSending || isAborted || isDisposed)
            return true;
        isEndingSending = true;
        hasRead = false;
        linger = new Timer(
            static transport => ((StreamTransport)transport!).Linger(),
            this,
            LingerTime,
            LingerTime
        );
        Interlocked.MemoryBarrier(); // either this sees the end, or the end sees the timer
        if (isDisposed)
            linger.Dispose();
        if (endSending is not null && uses.TryBegin(out _))
            _ = EndSending(endSending);
        return true;
    }

    private async Task EndSending(Func<Task> end)
    {
        try
        {
            await end().ConfigureAwait(false);
        }
        catch (Exception error)
        {
            Failure ??= error;
        }
        finally
        {
            uses.End();
        }
    }

    private void Linger()
    {
        var isQuiet = !hasRead;
        hasRead = false;
        if (isQuiet || Interlocked.Increment(ref lingers) == MaxLingers)
            StopReading();
    }

    /// <summary>Whoever reads finds the end.</summary>
    private void StopReading()
    {
        Guard.Run(readingEnds, static source => source.Cancel(), static (_, _) => { });
        read.Set();
        ReadingEnded?.Invoke();
    }

    public override void Abort()
    {
        if (isAborted && readingEnds.IsCancellationRequested)
            return;
        // All was said and has left: cutting the stream would take the close frame back. It ends with the connection, in a moment.
        var hasSaidAll = isEndingSending && !isWriting && !isAborted;
        isAborted = true;
        Interlocked.MemoryBarrier(); // either this sees how, or whoever tells how sees this
        if (!hasSaidAll)
            CallAbort();
        StopReading();
        WakeWriters();
    }

    private void CallAbort()
    {
        if (Volatile.Read(ref abort) is not { } call || !uses.TryBegin())
            return;
        Guard.Run(call);
        uses.End();
    }

    /// <summary>Gives the stream back to its owner, who ends it. What waits to be written is lost, and the stream cut.</summary>
    public override void Dispose()
    {
        if (isDisposed)
            return;
        if (isWriting)
            Abort();
        isDisposed = true;
        Interlocked.MemoryBarrier();
        linger?.Dispose();
        StopReading();
        uses.End();
    }

    /// <summary>Waits for a signal; an interrupt is put off.</summary>
    private static void Await(Signal signal, TimeSpan timeout)
    {
        try
        {
            signal.Wait(timeout);
        }
        catch (ThreadInterruptedException)
        {
            Await(signal, Look);
            Thread.CurrentThread.Interrupt();
        }
    }
}
