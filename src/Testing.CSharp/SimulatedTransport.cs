using System.Net;

namespace FunctionalWs.Testing;

/// <summary>One end of a simulated connection. Before and after each use other threads may go on.</summary>
internal sealed class SimulatedTransport(
    SimulatedLink link,
    SimulatedPipe incoming,
    SimulatedPipe outgoing
) : Transport
{
    private readonly SimulatedScheduler scheduler = link.Scheduler;
    private bool isWaitless;

    public override bool CanLoop => true;

    public override void StopWaiting() => isWaitless = true;

    public override void Wait() => isWaitless = false;

    public override bool IsDrained => isWaitless && !IsReadable;

    /// <summary>Grows with all that comes to be read.</summary>
    public long News => incoming.News;

    /// <summary>True when the end has come, or is behind what has come.</summary>
    public bool IsEnding => incoming.IsEnding;

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => null;

    public override bool IsReadable
    {
        get
        {
            Scheduler.Meet(incoming, Access.Read);
            return incoming.IsReadable;
        }
    }

    public override int Read(Span<byte> destination)
    {
        if (isWaitless && !IsReadable)
            return -1;
        scheduler.Block(
            () => incoming.IsReadable,
            long.MaxValue,
            "bytes",
            new(incoming, Access.Take)
        );
        LookForReset();
        var size = incoming.Read(destination);
        scheduler.Yield();
        return size;
    }

    public override bool WaitReadable(Deadline deadline)
    {
        scheduler.Block(
            () => incoming.IsReadable || deadline.IsCancelled,
            deadline.Timestamp,
            "bytes",
            new(incoming, Access.Read)
        );
        return incoming.IsReadable;
    }

    /// <summary>Waits until some bytes could be written; false when the deadline passed first.</summary>
    public bool WaitWritable(Deadline deadline) =>
        scheduler.Block(() => outgoing.IsWritable, deadline.Timestamp, "room for bytes");

    public override void Write(ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            scheduler.Block(
                () => outgoing.IsWritable,
                long.MaxValue,
                "room for bytes",
                new Meeting(outgoing, Access.Put)
            );
            source = source[Send(source)..];
        }
        scheduler.Yield();
    }

    public override int TryWrite(ReadOnlySpan<byte> source)
    {
        // How much of it there is room for depends on what was taken.
        Pass(outgoing, outgoing.HasRoom(source.Length) ? Access.Put : Access.Write);
        var size = Send(source);
        scheduler.Yield();
        return size;
    }

    public override void ShutdownSend()
    {
        Pass(outgoing, Access.Put);
        outgoing.End();
    }

    /// <summary>Ends both directions; what either end has not read yet is still there for it.</summary>
    public override void Abort()
    {
        Pass(outgoing, Access.Put);
        outgoing.End();
        Scheduler.Meet(incoming, Access.Write);
        incoming.Leave(outgoing.EndAt);
    }

    public override void Dispose() => Abort();

    private void Pass(SimulatedPipe pipe, Access access)
    {
        scheduler.Yield();
        Scheduler.Meet(pipe, access);
    }

    private int Send(ReadOnlySpan<byte> source)
    {
        LookForReset();
        return outgoing.Write(source);
    }

    private void LookForReset()
    {
        if (link.IsReset)
            Failure ??= new IOException("The connection was reset.");
    }
}
