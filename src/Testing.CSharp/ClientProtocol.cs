using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// The client's side of the protocol: the same state machine as the server's, in the client's role. It does something only
/// while it is called.
/// </summary>
internal sealed class ClientProtocol(ClientLink link, bool answersPings)
{
    // Masking hides nothing from anybody here, so runs may as well be alike (RFC 6455 §5.3).
    private const uint MaskingKey = 0x37FA213D;

    private static readonly ConnectionSettings Settings = new(
        Role.Client,
        Limits.Create(Array.MaxLength, Limits.Unlimited, int.MaxValue),
        validateText: true,
        reservedBits: ReservedBits.None,
        allowLongLengths: false
    );

    private readonly Queue<Message> messages = new();
    private readonly Queue<ControlPayload> pongs = new();
    private readonly ArrayBufferWriter<byte> fragments = new();
    private State state = Connection.Start;

    /// <summary>How many pings have come.</summary>
    public int Pings { get; private set; }

    public bool IsOpen => state is State.Open;

    public bool IsClosed => state is State.Closed;

    /// <summary>What the server's close frame said; null when none has come.</summary>
    public CloseStatus? CloseStatus =>
        state switch
        {
            State.Draining { Closure: Closure.Clean clean } => clean.Received,
            State.Closed { Closure: Closure.Clean clean } => clean.Received,
            _ => null,
        };

    public bool TryTakeMessage(out Message message) => messages.TryDequeue(out message);

    public bool TryTakePong(ControlPayload payload) =>
        pongs.TryDequeue(out var pong) && pong.Equals(payload);

    /// <exception cref="IOException">The connection is closing or closed.</exception>
    public void Send(Command command, ReadOnlySpan<byte> payload = default)
    {
        var result = Connection.Send(state, command);
        if (result.IsRefused)
            throw new IOException(Invariant($"The client can't send any more: {Ending}."));
        Apply(result.Transition, payload);
    }

    /// <summary>Takes one frame, or the end of the stream, and does what follows from it.</summary>
    /// <exception cref="TimeoutException">Neither came before the deadline.</exception>
    public void Step(Deadline deadline, string awaited)
    {
        FrameParse parse;
        while ((parse = Read()).IsIncomplete)
        {
            if (link.Fill(deadline, awaited))
                continue;
            Apply(Connection.Receive(Settings, state, Input.EndOfStream), default);
            return;
        }
        if (parse.IsMalformed)
            throw new InvalidDataException(
                Invariant($"The server broke the protocol: {parse.Error}.")
            );
        var frame = parse.Frame;
        var payload = FrameModule.ToArray(frame);
        var transition = Connection.Receive(Settings, state, Input.NewReceived(frame));
        link.Consume((int)frame.Header.FrameLength);
        Apply(transition, payload);
    }

    /// <summary>How things stand, for messages of exceptions.</summary>
    public string Ending =>
        CloseStatus is { } status ? Invariant($"the server closed the connection with {status}")
        : IsClosed ? "the server ended the stream without a close frame"
        : "the client has begun to close the connection";

    private FrameParse Read() =>
        FrameReader.Read(Settings, new ReadOnlySequence<byte>(link.Received));

    private void Apply(in Transition transition, ReadOnlySpan<byte> payload)
    {
        state = transition.State;
        if (transition.Event.IsSome)
            Take(transition.Event.Value, payload);
        if (transition.Output.IsSome)
            Write(transition.Output.Value, payload);
        if (transition.HalfClose)
            link.End();
    }

    private void Take(Event received, ReadOnlySpan<byte> payload)
    {
        switch (received)
        {
            case Event.Data data:
                fragments.Write(payload);
                if (data.EndOfMessage)
                    Complete(data.Kind);
                break;
            case Event.Ping:
                Pings++;
                break;
            case Event.Pong pong:
                pongs.Enqueue(pong.Payload);
                break;
            case Event.Close:
                break; // the state knows it
        }
    }

    private void Complete(MessageKind kind)
    {
        messages.Enqueue(new Message(kind, fragments.WrittenSpan.ToArray()));
        fragments.Clear();
    }

    private void Write(Output output, ReadOnlySpan<byte> payload)
    {
        switch (output)
        {
            case Output.Data data:
                Write(data.Opcode, payload, data.Fin);
                break;
            case Output.Ping ping:
                Write(Opcode.Ping, ping.Payload.Span);
                break;
            case Output.Pong pong when answersPings:
                TryWrite(Opcode.Pong, pong.Payload.Span);
                break;
            case Output.Close close:
                TryWrite(Opcode.Close, close.Status.ToArray());
                break;
        }
    }

    private void Write(Opcode opcode, ReadOnlySpan<byte> payload, bool fin = true)
    {
        var frame = new ArrayBufferWriter<byte>();
        FrameWriter.Write(fin, opcode, payload, MaskingKey, frame);
        link.Write(frame.WrittenSpan);
    }

    // A server that is gone needs no answer; the end of its stream is read next.
    private void TryWrite(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        try
        {
            Write(opcode, payload);
        }
        catch (IOException)
        {
            // Likewise.
        }
    }
}
