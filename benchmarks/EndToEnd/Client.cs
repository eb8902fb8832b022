using System.Net;
using System.Net.Sockets;
using System.Text;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace EndToEnd;

/// <summary>A load on one connection: plain blocking calls and frames made once, so that it costs little itself.</summary>
internal sealed class Client : IDisposable
{
    private readonly Socket socket = new(
        AddressFamily.InterNetwork,
        SocketType.Stream,
        ProtocolType.Tcp
    );
    private readonly byte[] batch;
    private readonly byte[][] frames = []; // of JSON, sent in turns
    private readonly bool isCompressed;
    private readonly int replyLength;
    private readonly byte[] received;

    public Client(int port, Scenario scenario)
    {
        socket.NoDelay = true;
        socket.Connect(IPAddress.Loopback, port);
        batch = MakeBatch(scenario);
        if (scenario.Deflate is not Deflate.None || scenario.IsJson)
            frames =
            [
                .. Json.Messages(64, scenario.Size)
                    .Select(message => ToFrame(message, scenario.Deflate)),
            ];
        isCompressed = scenario.Deflate is not Deflate.None;
        replyLength = FrameWriter.HeaderSize(scenario.Size, false) + scenario.Size;
        received = new byte[Math.Max(64 * 1024, 2 * replyLength)];
        InFlight = scenario.InFlight;
        ShakeHands(port, scenario.Deflate);
    }

    /// <summary>The bytes of the compressed replies that have come.</summary>
    public long CompressedBytes { get; private set; }

    private int InFlight { get; }

    /// <summary>Keeps a number of messages under way until the end, and counts the echoes.</summary>
    public long Run(CancellationToken end)
    {
        if (frames.Length > 0)
            return RunJson(end);
        var messages = 0L;
        var frame = batch.Length / InFlight;
        Send(batch);
        var pending = 0; // bytes of an echo that is not complete
        while (!end.IsCancellationRequested)
        {
            pending += socket.Receive(received.AsSpan(0, received.Length));
            var complete = pending / replyLength;
            pending -= complete * replyLength;
            messages += complete;
            if (complete > 0)
                Send(batch.AsSpan(0, frame * complete));
        }
        return messages;
    }

    private long RunJson(CancellationToken end)
    {
        var messages = 0L;
        while (!end.IsCancellationRequested)
        {
            Exchange((int)(messages % frames.Length));
            messages++;
        }
        return messages;
    }

    /// <summary>Sends a compressed message and takes the reply.</summary>
    public void Exchange(int message)
    {
        Send(frames[message]);
        var size = 0;
        var length = int.MaxValue;
        while (size < length)
        {
            var read = socket.Receive(received.AsSpan(size));
            if (read == 0)
                throw new IOException("The server ended the stream.");
            size += read;
            if (size >= 4)
                length =
                    (received[1] & 0x7F) < 126
                        ? 2 + received[1]
                        : 4 + received[2] * 256 + received[3];
        }
        if (isCompressed != ((received[0] & 0x40) != 0))
            throw new IOException(
                "A reply was compressed although it was not to be, or the other way round."
            );
        CompressedBytes += length;
    }

    public void Dispose() => socket.Dispose();

    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[socket.Send(bytes)..];
    }

    private static byte[] ToFrame(byte[] message, Deflate deflate)
    {
        var isCompressed = deflate is not Deflate.None;
        var frame = new System.Buffers.ArrayBufferWriter<byte>();
        FrameWriter.Write(
            true,
            Opcode.Text,
            isCompressed ? Json.Compress(message) : message,
            FSharpValueOption<uint>.Some(0x37FA213D),
            frame
        );
        var bytes = frame.WrittenSpan.ToArray();
        bytes[0] |= (byte)(isCompressed ? 0x40 : 0);
        return bytes;
    }

    private static byte[] MakeBatch(Scenario scenario)
    {
        var payload = new byte[scenario.Size];
        Array.Fill(payload, (byte)'x');
        var frames = new System.Buffers.ArrayBufferWriter<byte>();
        for (var i = 0; i < scenario.InFlight; i++)
            FrameWriter.Write(
                true,
                scenario.IsText ? Opcode.Text : Opcode.Binary,
                payload,
                FSharpValueOption<uint>.Some(0x37FA213D),
                frames
            );
        return frames.WrittenSpan.ToArray();
    }

    private void ShakeHands(int port, Deflate deflate)
    {
        var offer = deflate switch
        {
            Deflate.None => "",
            Deflate.Takeover => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            _ =>
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
        };
        Send(
            Encoding.ASCII.GetBytes(
                $"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + offer
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
        );
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (socket.Receive(one) == 0)
                throw new IOException($"No handshake: {head}");
            head.Append((char)one[0]);
        }
        if (!head.ToString().StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
            throw new IOException($"No handshake: {head}");
    }
}
