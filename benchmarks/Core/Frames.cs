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
    private static readonly Command Message = Command.NewMessage(DataKind.Text);

    private readonly byte[] data = new byte[125];
    private readonly byte[] header = new byte[FrameReader.MaxHeaderSize];
    private ReadOnlySequence<byte> bytes;
    private Frame frame;

    [GlobalSetup]
    public void Prepare()
    {
        Array.Fill(data, (byte)'x');
        var writer = new ArrayBufferWriter<byte>();
        FrameWriter.Write(true, Opcode.Text, data, 0x37FA213D, writer);
        bytes = new ReadOnlySequence<byte>(writer.WrittenMemory);
        frame = FrameReader.Read(Settings, bytes).Frame;
    }

    [Benchmark]
    public HeaderParse ReadHeader() => FrameReader.ReadHeader(Settings, bytes);

    [Benchmark]
    public Transition Receive() => Connection.Receive(Settings, Open, Input.NewReceived(frame));

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
