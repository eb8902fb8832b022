using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// Bytes that were received and not taken yet: a pipe that is filled and emptied on one thread. Guarded by the read gate.
/// </summary>
internal sealed class ReceiveBuffer
{
    /// <summary>The most that is read at once, in bytes: of a large payload, where it stays.</summary>
    public const int MaxReadSize = 256 * 1024;

    /// <summary>The least room that is made for one read, in bytes.</summary>
    public const int MinReadSize = 4 * 1024;

    // The most room that is made here for one read.
    private const int LargestSize = 64 * 1024;

    private const int RestFraction = 8;

    // Never a pause of the writer: the read gate's holder fills and parses in turn, on one thread.
    private static readonly PipeOptions Options = new(
        pauseWriterThreshold: 0,
        minimumSegmentSize: MinReadSize,
        useSynchronizationContext: false
    );

    private Pipe? pipe; // while something is in it, or may be soon: an idle connection has none
    private ReadOnlySequence<byte> unread;
    private ArraySegment<byte> first; // the part of it that is taken by spans
    private int taken; // of that part
    private int readSize = MinReadSize;
    private bool comesInLittle; // no more than a message at a time, of late
    private bool isLent;
    private bool isReleased;
    private bool isMakingRoom; // still so after it failed, for want of memory: then the pipe's last segment has none

    /// <summary>What was received: the opening handshake reads its request here.</summary>
    public PipeReader Reader => Pipe.Reader;

    private Pipe Pipe => pipe ??= new Pipe(Options);

    /// <summary>
    /// What was lent and is not taken: to be cut at its beginning. It is kept while whole frames are in it, since lending costs
    /// more than a frame.
    /// </summary>
    public ref ReadOnlySequence<byte> Unread
    {
        get
        {
            if (taken > 0)
                unread = unread.Slice(taken);
            (first, taken) = (default, 0);
            return ref unread;
        }
    }

    /// <summary>
    /// The beginning of what was lent and is not taken, as far as it lies together; none once <see cref="Unread"/> was asked
    /// for. To be cut by <see cref="Take"/>, at a tenth of the cost.
    /// </summary>
    public ReadOnlySpan<byte> FirstUnread => first.AsSpan(taken);

    /// <summary>Cuts <see cref="FirstUnread"/> at its beginning.</summary>
    public void Take(int size) => taken += size;

    /// <summary>The bytes that were received and not taken, as far as they were counted.</summary>
    public long Length { get; private set; }

    /// <summary>True when it holds nothing.</summary>
    public bool IsEmpty => Length == 0 && !isLent;

    /// <summary>True while no more than a message at a time comes.</summary>
    public bool ExpectsLittle => comesInLittle;

    /// <summary>Waits for bytes and takes them in; how many, 0 at the end of the stream, -1 for nothing now.</summary>
    /// <param name="transport">Where they come from.</param>
    /// <param name="maxSize">The most room that is made for them, in bytes: 4 KiB or more.</param>
    public int Fill(Transport transport, int maxSize)
    {
        if (isLent)
            GiveBack(Unread.Start);
        if (transport.IsDrained)
            return -1;
        maxSize = Math.Min(maxSize, LargestSize);
        var memory = GetMemory(Math.Min(readSize, maxSize));
        var size = transport.ReadInto(memory);
        Commit(Math.Max(size, 0));
        if (size < 0)
        {
            Shrink();
            return size;
        }
        if (size == memory.Length)
            readSize = Math.Min(readSize * 2, maxSize);
        else if (size < memory.Length / 4)
            readSize = Math.Max(readSize / 2, MinReadSize);
        comesInLittle = size < MinReadSize / 4;
        return size;
    }

    /// <summary>What comes next is the beginning of something: large payloads are read elsewhere.</summary>
    public void ExpectLittle() => comesInLittle = true;

    /// <summary>Takes in bytes that were read elsewhere, <see cref="MinReadSize"/> at most. Nothing may be lent.</summary>
    public void Add(ReadOnlySpan<byte> received)
    {
        isMakingRoom = true;
        var memory = Pipe.Writer.GetMemory(received.Length);
        isMakingRoom = false;
        received.CopyTo(memory.Span);
        Commit(received.Length);
        comesInLittle = false;
    }

    private void Commit(int size)
    {
        Length += size;
        pipe!.Writer.Advance(size);
        // Completes at once: nothing pauses this pipe's writer.
        _ = pipe.Writer.FlushAsync();
    }

    // What is left of the last segment is used unless it is small: asking for a whole read's size each time would give
    // bytes that come one by one a segment each.
    private Memory<byte> GetMemory(int size)
    {
        isMakingRoom = true;
        var memory = Pipe.Writer.GetMemory(1);
        if (memory.Length < size / RestFraction)
            memory = pipe!.Writer.GetMemory(size);
        isMakingRoom = false;
        return memory;
    }

    /// <summary>Has what was received in <see cref="Unread"/>; false when there is nothing that is new.</summary>
    public bool TryLend()
    {
        if (isLent)
            return true;
        // The pipe would say the same, but is seldom in the processor's cache among many connections.
        if (Length == 0 || isReleased || !pipe!.Reader.TryRead(out var result))
            return false;
        unread = result.Buffer;
        // Always an array's in the pool that pipes use; if not, it is taken otherwise.
        _ = MemoryMarshal.TryGetArray(unread.First, out first);
        return isLent = true;
    }

    /// <summary>Drops what the opening handshake has read, from the beginning of what it was given.</summary>
    /// <param name="given">What <see cref="Reader"/> gave.</param>
    /// <param name="size">How much of it to drop.</param>
    /// <param name="examined">How much of it is not given again before more has come.</param>
    public void Skip(in ReadOnlySequence<byte> given, long size, long examined)
    {
        pipe!.Reader.AdvanceTo(given.GetPosition(size), given.GetPosition(examined));
        Length -= size;
    }

    /// <summary>Keeps what was not taken for the next time.</summary>
    /// <param name="examined">What lies before it is not lent again before more has come.</param>
    public void GiveBack(SequencePosition examined)
    {
        Count();
        pipe!.Reader.AdvanceTo(Unread.Start, examined);
        unread = default;
        isLent = false;
    }

    /// <summary>Counts what was taken since the last time.</summary>
    public long Count()
    {
        var left = unread.Length - taken;
        var counted = Length - left;
        Length = left;
        return counted;
    }

    /// <summary>Throws away what it holds.</summary>
    public void Discard()
    {
        if (!TryLend())
            return;
        ref var rest = ref Unread;
        rest = rest.Slice(rest.End);
        GiveBack(rest.Start);
    }

    /// <summary>Gives all memory back. Nothing can be read after it.</summary>
    public void Release()
    {
        Discard();
        isReleased = true;
        EndPipe();
    }

    /// <summary>Gives back what an empty buffer takes, for a connection that may be idle from now on.</summary>
    public void Shrink()
    {
        if (IsEmpty)
            EndPipe();
    }

    private void EndPipe()
    {
        if (isMakingRoom || pipe is null)
            return; // it would give back what it has not got: the garbage collector takes all of it
        pipe.Writer.Complete();
        pipe.Reader.Complete();
        pipe = null;
    }
}
