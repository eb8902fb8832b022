using System.Buffers;
using BenchmarkDotNet.Attributes;
using FunctionalWs.Protocol;

namespace Core;

/// <summary>Text of a client through an endpoint, with all that happens to it: read, judged, unmasked, validated.</summary>
public class Endpoints
{
    private readonly WebSocketEndpoint endpoint = WebSocketEndpoint.Create(
        ConnectionSettings.Server
    );
    private readonly Sink sink = new(65_536);
    private readonly Sink answers = new(256);
    private byte[] bytes = [];

    /// <summary>The size of the message in bytes.</summary>
    [Params(125, 65_536)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        var data = new byte[Size];
        Array.Fill(data, (byte)'x');
        var writer = new ArrayBufferWriter<byte>();
        FrameWriter.Write(true, Opcode.Text, data, 0x37FA213D, writer);
        bytes = writer.WrittenSpan.ToArray();
    }

    /// <summary>The frame in one piece.</summary>
    [Benchmark]
    public int Whole()
    {
        sink.Clear();
        return endpoint.Receive(bytes, sink, answers).Consumed;
    }

    /// <summary>The same in eight pieces.</summary>
    [Benchmark]
    public WebSocketEndpoint Pieces()
    {
        sink.Clear();
        var next = endpoint;
        for (var at = 0; at < bytes.Length; )
        {
            var size = Math.Min(bytes.Length / 8 + 1, bytes.Length - at);
            var step = next.Receive(bytes.AsSpan(at, size), sink, answers);
            at += step.Consumed;
            next = step.Next;
        }

        return next;
    }
}
