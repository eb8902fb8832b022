using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// Frames to a transport, one writer at a time. A writer may wait as long as the peer takes to read; whoever reads never
/// waits here: what it has to answer goes into slots, which the next one to hold the gate empties.
/// </summary>
internal sealed class FrameOutput(Transport transport, Func<Command, SendResult> begin)
{
    private readonly Lock gate = new();
    private readonly OutputBuffer buffer = new(transport);

    // Slots for control frames. A later pong makes an earlier one needless (RFC 6455 §5.5.3).
    private readonly Lock slots = new();
    private Output.Ping? ping;
    private Output.Pong? pong;
    private Output.Close? close;
    private bool halfClose;
    private volatile bool hasControl;
    private volatile bool isHolding;

    /// <summary>True while bytes wait for a flush.</summary>
    public bool IsHolding => isHolding;

    /// <summary>True while something waits that <see cref="TryFlush"/> could write.</summary>
    public bool HasWork => isHolding || hasControl;

    /// <summary>True once the sending side was shut down.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>
    /// Writes a frame if the state allows it. The command goes to the state machine inside the gate, so that the order of
    /// the states is the order of the frames.
    /// </summary>
    /// <param name="command">What is to be sent.</param>
    /// <param name="payload">The payload of a message or fragment; empty for other commands.</param>
    /// <param name="hold">True to leave small frames in the buffer until a flush.</param>
    /// <returns>Why the command was refused; none when it was carried out.</returns>
    /// <exception cref="IOException">The stream is broken.</exception>
    public SendError? Write(Command command, ReadOnlySpan<byte> payload, bool hold)
    {
        lock (gate)
        {
            var result = begin(command);
            if (result.IsRefused)
                return result.Error;
            Add(result.Transition.Output.Value, payload);
            if (!hold)
                buffer.Flush();
            isHolding = !buffer.IsEmpty;
        }
        if (hasControl)
            TryFlush();
        return null;
    }

    /// <summary>Takes what a transition writes and never waits; <see cref="TryFlush"/> sends it.</summary>
    public void Post(FSharpValueOption<Output> output, bool halfClose)
    {
        lock (slots)
        {
            switch (output.IsSome ? output.Value : null)
            {
                case Output.Ping next:
                    ping = next;
                    break;
                case Output.Pong next:
                    pong = next;
                    break;
                case Output.Close next:
                    close = next;
                    break;
            }
            this.halfClose |= halfClose;
            hasControl = true;
        }
    }

    /// <summary>Writes everything that is held back, however long that takes.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public void Flush()
    {
        lock (gate)
        {
            buffer.Flush();
            isHolding = false;
        }
        if (hasControl)
            TryFlush();
    }

    /// <summary>
    /// Writes what waits, as far as that goes without waiting. When another writer holds the gate, that writer does it.
    /// </summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public void TryFlush()
    {
        // Whoever leaves the gate looks again, so that nothing posted meanwhile is left behind.
        while (HasWork && gate.TryEnter())
        {
            var isStuck = false;
            try
            {
                isStuck = !buffer.TryFlush() || !TryFlushControl();
                isHolding = !buffer.IsEmpty;
            }
            finally
            {
                gate.Exit();
            }
            if (isStuck)
                return; // the watcher comes back to it
        }
    }

    /// <summary>Forgets everything: the stream has ended.</summary>
    public void Release()
    {
        lock (slots)
        {
            (ping, pong, close) = (null, null, null);
            hasControl = false;
        }
        if (!gate.TryEnter())
            return; // a stuck writer, freed by the end of the stream, is done with its buffer soon
        try
        {
            buffer.Release();
            isHolding = false;
        }
        finally
        {
            gate.Exit();
        }
    }

    private void Add(Output? frame, ReadOnlySpan<byte> payload)
    {
        switch (frame)
        {
            case Output.Data data:
                buffer.AddFrame(data.Opcode, data.Fin, payload);
                break;
            case Output.Ping next:
                buffer.AddFrame(Opcode.Ping, true, next.Payload.Span);
                break;
            case Output.Pong next:
                buffer.AddFrame(Opcode.Pong, true, next.Payload.Span);
                break;
            case Output.Close next:
                buffer.AddFrame(Opcode.Close, true, next.Status.ToArray());
                break;
        }
    }

    private bool TryFlushControl()
    {
        bool shutdown;
        lock (slots)
        {
            Add(ping, default);
            Add(pong, default);
            Add(close, default);
            (ping, pong, close) = (null, null, null);
            shutdown = halfClose;
            hasControl = false;
        }

        if (!buffer.TryFlush())
        {
            lock (slots)
                hasControl |= shutdown;
            return false;
        }
        if (!shutdown || IsEnded)
            return true;
        IsEnded = transport.TryShutdownSend();
        lock (slots)
            hasControl |= !IsEnded;
        return IsEnded;
    }
}
