using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The answer to a request that asks for no WebSocket: all that comes until the stream ends.</summary>
internal static class PlainAnswer
{
    /// <exception cref="IOException">The stream ended without an answer.</exception>
    /// <exception cref="InvalidDataException">What came breaks a rule of HTTP.</exception>
    /// <exception cref="TimeoutException">The answer didn't come, or end, in time.</exception>
    public static Response Read(Transport transport, string method)
    {
        var bytes = ReadToEnd(transport);
        if (bytes.IsEmpty)
            throw new IOException("The server ended the stream without an answer.");
        var parse = new ResponseReader().Read(bytes);
        if (parse is not ResponseParse.Complete { Head: var head, Consumed: var size })
            throw Broken(Invariant($"{parse}"));
        var body = new ArrayBufferWriter<byte>();
        var rest = BodyReader.Create(Array.MaxLength, method, head).Receive(bytes[size..], body);
        if (rest is BodyParse.Incomplete incomplete)
            rest = incomplete.Next.ReceiveEndOfStream();
        if (rest is BodyParse.Malformed { Error.IsEndOfStream: false } malformed)
            throw Broken(Invariant($"{malformed.Error}"));
        return RefusedAnswer.ToResponse(head).WithBody(body.WrittenMemory);
    }

    private static ReadOnlySpan<byte> ReadToEnd(Transport transport)
    {
        var bytes = new ArrayBufferWriter<byte>();
        while (transport.Read(bytes.GetSpan(4096)) is var size and > 0)
        {
            bytes.Advance(size);
            transport.ShutdownSend(); // it answers by now, and waits for this behind its answer, for a second
        }
        return bytes.WrittenSpan;
    }

    private static InvalidDataException Broken(string how) =>
        new(Invariant($"The server broke the protocol: {how}."));
}
