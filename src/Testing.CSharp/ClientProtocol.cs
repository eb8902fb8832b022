using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// The client's side of the protocol: the same endpoint as the server's, in the client's role. It does something only
/// while it is called.
/// </summary>
internal sealed class ClientProtocol
{
    // Masking hides nothing from anybody here, so runs may as well be alike (RFC 6455 §5.3).
    private const uint MaskingKey = 0x37FA213D;

    private readonly Queue<Message> messages = new();
    private readonly Queue<ControlPayload> pongs = new();
    private readonly ArrayBufferWriter<byte> message = new(); // as far as it has come
    private readonly ArrayBufferWriter<byte> output = new();
    private readonly ClientLink link;
    private readonly bool answersPings;
    private readonly ClientCompression? compression;
    private WebSocketEndpoint endpoint;

    /// <param name="link">Where bytes come from and go to.</param>
    /// <param name="options">How the client behaves.</param>
    /// <param name="agreement">What was agreed on; null where the test's own headers were.</param>
    public ClientProtocol(ClientLink link, TestClientOptions options, ClientAgreement? agreement)
    {
        this.link = link;
        answersPings = options.AnswersPings;
        compression = ClientCompression.Of(options.Deflate, agreement);
        endpoint = WebSocketEndpoint.Create(
            new ConnectionSettings(
                Role.Client,
                Limits.Create(Array.MaxLength, Limits.Unlimited, int.MaxValue),
                validateText: true,
                reservedBits: compression is null ? ReservedBits.None : ReservedBits.Rsv1,
                allowLongLengths: false
            )
        );
    }

    /// <summary>How many pings have come.</summary>
    public int Pings { get; private set; }

    public bool IsOpen => endpoint.State is State.Open;

    public bool IsClosed => endpoint.IsClosed;

    /// <summary>What the server's close frame said; null when none has come.</summary>
    public CloseStatus? CloseStatus =>
        endpoint.State switch
        {
            State.Draining { Closure: Closure.Clean clean } => clean.Received,
            State.Closed { Closure: Closure.Clean clean } => clean.Received,
            _ => null,
        };

    public bool TryTakeMessage(out Message taken) => messages.TryDequeue(out taken);

    public bool TryTakePong(ControlPayload payload) =>
        pongs.TryDequeue(out var pong) && pong.Equals(payload);

    /// <exception cref="IOException">The connection is closing or closed.</exception>
    public void Send(Command command, ReadOnlySpan<byte> payload = default)
    {
        var data = compression is null ? payload : compression.Encode(command, payload);
        var step = endpoint.Send(command, data, output, MaskingKey);
        compression?.Mark(command, output.WrittenMemory);
        if (step.Refused.IsSome)
            throw new IOException(Invariant($"The client can't send any more: {Ending}."));
        endpoint = step.Next;
        Write(mustArrive: endpoint.State is State.Open);
        if (step.HalfClose)
            link.End();
    }

    /// <summary>Takes what comes, up to the first thing that is told or the end of the stream, and does what follows from it.</summary>
    /// <exception cref="TimeoutException">Neither came before the deadline.</exception>
    /// <exception cref="InvalidDataException">The server broke a rule; it was told so.</exception>
    public void Step(Deadline deadline, string awaited)
    {
        ReceiveStep step;
        do
        {
            if (link.Received.IsEmpty && !link.Fill(deadline, awaited))
            {
                Carry(endpoint.EndOfStream());
                return;
            }
            step = endpoint.Receive(
                link.Received.Span,
                message,
                output,
                MaskingKey,
                compression?.Decoder
            );
            link.Consume(step.Consumed);
            Carry(step);
        } while (step.Incoming.IsNothing);
        Take(step.Incoming);
    }

    /// <summary>How things stand, for messages of exceptions.</summary>
    public string Ending =>
        CloseStatus is { } status ? Invariant($"the server closed the connection with {status}")
        : IsClosed ? "the server ended the stream without a close frame"
        : "the client has begun to close the connection";

    private void Carry(in ReceiveStep step)
    {
        endpoint = step.Next;
        if (step.Incoming.IsPing && !answersPings)
            output.Clear();
        Write(mustArrive: false);
        if (step.HalfClose)
            link.End();
    }

    private void Take(Incoming incoming)
    {
        switch (incoming)
        {
            case Incoming.Data { EndOfMessage: true } data:
                messages.Enqueue(new Message(data.Kind, message.WrittenSpan.ToArray()));
                message.Clear();
                break;
            case Incoming.Ping:
                Pings++;
                break;
            case Incoming.Pong pong:
                pongs.Enqueue(pong.Payload);
                break;
            case Incoming.Refused refused:
                throw new InvalidDataException(
                    Invariant($"The server broke the protocol: {refused.Violation}.")
                );
        }
    }

    // A server that is gone needs no answer; the end of its stream is read next.
    private void Write(bool mustArrive)
    {
        try
        {
            if (output.WrittenCount > 0)
                link.Write(output.WrittenSpan);
        }
        catch (IOException) when (!mustArrive)
        {
            // Likewise.
        }
        finally
        {
            output.Clear();
        }
    }
}
