using System.Buffers;
using BenchmarkDotNet.Attributes;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace Core;

/// <summary>A frame of 125 bytes of text, as a client sends it.</summary>
public class Frames
{
    private static readonly ConnectionSettings Settings = ConnectionSettings.Server;
    private static readonly State Open = Connection.Start;
    private static readonly Command Message = Command.NewMessage(MessageKind.Text);

    private readonly byte[] data = new byte[125];
    private readonly byte[] header = new byte[FrameReader.MaxHeaderSize];
    private ReadOnlySequence<byte> frame;
    private FrameHeader read;

    [GlobalSetup]
    public void Prepare()
    {
        Array.Fill(data, (byte)'x');
        var writer = new ArrayBufferWriter<byte>();
        FrameWriter.Write(true, Opcode.Text, data, 0x37FA213D, writer);
        frame = new ReadOnlySequence<byte>(writer.WrittenMemory);
        read = FrameReader.ReadHeader(Settings, frame).Header;
    }

    [Benchmark]
    public HeaderParse ReadHeader() => FrameReader.ReadHeader(Settings, frame);

    [Benchmark]
    public FSharpValueOption<ProtocolError> Check() => Connection.Check(Settings, Open, read);

    [Benchmark]
    public Transition ReceiveData() =>
        Connection.ReceiveData(Settings, Open, read, Part.Whole, data);

    /// <summary>All that happens to a frame that is received, but for the copy of its payload.</summary>
    [Benchmark]
    public Transition ReadAndReceive()
    {
        var parse = FrameReader.ReadHeader(Settings, frame);
        return Connection.Check(Settings, Open, parse.Header).IsSome
            ? default
            : Connection.ReceiveData(Settings, Open, parse.Header, Part.Whole, data);
    }

    [Benchmark]
    public SendResult Send() => Connection.Send(Open, Message);

    [Benchmark]
    public int WriteHeader() =>
        FrameWriter.WriteHeader(
            true,
            ReservedBits.None,
            Opcode.Text,
            data.Length,
            FSharpValueOption<uint>.None,
            header
        );
}
