using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>The sending side of a connection: commands to frames, with what a caller is told when that can't be.</summary>
internal sealed class Sender(Driver driver, FrameOutput output, ConnectionOptions options)
{
    // Made once: sending a message allocates nothing.
    private static readonly Command TextMessage = Command.NewMessage(DataKind.Text);
    private static readonly Command BinaryMessage = Command.NewMessage(DataKind.Binary);
    private static readonly Command FirstOfText = Command.NewFirstFragment(DataKind.Text);
    private static readonly Command FirstOfBinary = Command.NewFirstFragment(DataKind.Binary);
    private static readonly Command Next = Command.NewNextFragment(false);
    private static readonly Command Last = Command.NewNextFragment(true);

    /// <summary>True while frames are held back to leave together.</summary>
    public bool IsHolding => output.IsHolding;

    private static Command ForMessage(MessageKind kind) =>
        kind.IsText ? TextMessage : BinaryMessage;

    /// <summary>Sends a message; waits while the peer doesn't read.</summary>
    public void Send(MessageKind kind, ReadOnlySpan<byte> payload, bool? compress)
    {
        var command = ForMessage(kind);
        var bits = driver.Extensions.Wanted(new(kind, payload, false, compress));
        var hold = options.CoalesceOutput && driver.Receiver.HasMoreForThisThread;
        var isFirstHeld = hold && !output.IsHolding; // the watcher looks again and again while there are any; a turn ends with all of it
        Write(command, bits, payload, hold);
        if (isFirstHeld && !driver.IsInTurn)
            driver.Hasten();
    }

    /// <summary>True when the frame of so many bytes can be sent without waiting: it fits beside what waits already, or nothing does.</summary>
    public bool HasRoom(int payloadSize) =>
        output.QueueSize is var size
        && (size == 0 || size + payloadSize + FrameReader.MaxHeaderSize <= OutputBuffer.Capacity);

    /// <summary>
    /// Sends a message without waiting, where it fits beside what waits already; one that doesn't is waited for. Not for the end of a
    /// connection that is closing.
    /// </summary>
    public void SendSoon(MessageKind kind, ReadOnlySpan<byte> payload)
    {
        var command = ForMessage(kind);
        var bits = driver.Extensions.Wanted(new(kind, payload, false, null));
        Write(command, bits, payload, hold: true, isPatient: false);
        if (!driver.IsInTurn)
            driver.TryFlushOutput(); // what is left is the watcher's
    }

    /// <summary>Sends a ping or a pong.</summary>
    public void SendControl(Command command) =>
        Write(command, ReservedBits.None, default, hold: false);

    /// <summary>
    /// Sends a message of which each part is a frame, and an empty one is the last, so that no part waits for the next.
    /// </summary>
    /// <exception cref="Exception">What the parts throw. After the first of them it fails the connection.</exception>
    public void SendFragments(
        MessageKind kind,
        IEnumerable<ReadOnlyMemory<byte>> parts,
        bool? compress
    )
    {
        var first = kind.IsText ? FirstOfText : FirstOfBinary;
        using var each = parts.GetEnumerator();
        if (!each.MoveNext())
            return;
        var bits = driver.Extensions.Wanted(new(kind, each.Current.Span, true, compress));
        Write(first, bits, each.Current.Span, hold: false);
        try
        {
            while (TryNext(each))
                Write(Next, bits, each.Current.Span, hold: false);
            Write(Last, bits, default, hold: false);
        }
        catch (Exception error) when (error is not ConnectionClosedException)
        {
            FailMessage(error);
            throw;
        }
    }

    /// <summary>Whatever the parts throw, the end of another connection too, leaves a message that can't be completed.</summary>
    private bool TryNext(IEnumerator<ReadOnlyMemory<byte>> parts)
    {
        try
        {
            return parts.MoveNext();
        }
        catch (Exception error)
        {
            FailMessage(error);
            throw;
        }
    }

    private void FailMessage(Exception error) =>
        driver.Fail(
            CloseStatus.Create(CloseCode.InternalError, "error in fragmented message"),
            error
        );

    /// <summary>Writes everything that is held back; waits while the peer doesn't read.</summary>
    public void Flush()
    {
        try
        {
            output.Flush();
        }
        catch (Exception error) when (error is not ThreadInterruptedException)
        {
            driver.Break(error);
        }
        finally
        {
            driver.WriteFrames();
            driver.ReleaseSenders();
        }
    }

    private void Write(
        Command command,
        ReservedBits bits,
        ReadOnlySpan<byte> payload,
        bool hold,
        bool isPatient = true
    )
    {
        if (output.IsHeldByCurrentThread)
            throw new InvalidOperationException("An extension can't send on its own connection.");
        try
        {
            if (driver.IsBroken)
                throw Broken();
            if (output.Write(command, bits, payload, hold) is { } refusal)
                throw Refused(refusal, isPatient);
        }
        catch (ExtensionFailedException)
        {
            driver.FailForExtension();
            throw driver.ClosedException();
        }
        catch (Exception error)
            when (error
                    is not (
                        ConnectionClosedException
                        or ConcurrencyException
                        or ThreadInterruptedException // it waited for another writer: nothing was begun
                    )
            )
        {
            driver.Break(error);
            throw Broken();
        }
        finally
        {
            driver.WriteFrames();
            driver.ReleaseSenders();
            Scheduler.Meet(Scheduler.Application, Access.Write);
        }
    }

    /// <summary>
    /// The end of a stream that was given up. What the peer had said by then tells why, so it is read first: all calls tell of
    /// the same end. Nothing is waited for any more.
    /// </summary>
    private ConnectionClosedException Broken()
    {
        driver.Receiver.ReadUntilClosed();
        return driver.ClosedException();
    }

    private Exception Refused(SendError refusal, bool isPatient)
    {
        if (!refusal.IsClosing)
            return new ConcurrencyException(
                "Send was called while a fragmented message is being sent: only its fragments can be."
            );
        if (isPatient)
            driver.WaitClosed(null);
        return driver.ClosedException();
    }
}
