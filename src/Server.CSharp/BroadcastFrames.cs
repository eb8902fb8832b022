using System.Runtime.InteropServices;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>The frames of a message to many: one as it is, and one for each way in which peers want it compressed.</summary>
internal ref struct BroadcastFrames(MessageKind kind, ReadOnlySpan<byte> payload, bool? compress)
{
    private readonly ReadOnlySpan<byte> payload = payload;
    private byte[]? plain;
    private Dictionary<DeflaterSettings, byte[]>? compressed;

    /// <summary>The frame for a connection.</summary>
    public PostedFrame For(ServerConnection connection) =>
        new(BytesFor(connection), kind.IsText ? Opcode.Text : Opcode.Binary, payload.Length);

    private byte[] BytesFor(ServerConnection connection)
    {
        if (connection.Deflate is not { } deflate)
            return plain ??= ToFrame(ReservedBits.None, payload);
        if (!deflate.Wants(new OutgoingMessage(kind, payload, isFragmented: false, compress)))
            return plain ??= ToFrame(ReservedBits.None, payload);

        compressed ??= [];
        ref var frame = ref CollectionsMarshal.GetValueRefOrAddDefault(
            compressed,
            deflate.Deflating,
            out _
        );
        return frame ??= Compress(deflate.Deflating);
    }

    /// <summary>Compressed by itself: no peer needs to have seen another message before.</summary>
    private readonly byte[] Compress(DeflaterSettings settings)
    {
        var buffer = new PooledBuffer();
        var deflater = Deflater.Rent(settings);
        try
        {
            deflater.Compress(payload, isEnd: true, buffer, forget: true);
            return ToFrame(ReservedBits.Rsv1, buffer.Written);
        }
        finally
        {
            Deflater.Return(deflater);
            buffer.Release();
        }
    }

    private readonly byte[] ToFrame(ReservedBits bits, ReadOnlySpan<byte> data)
    {
        var opcode = kind.IsText ? Opcode.Text : Opcode.Binary;
        var headerSize = FrameWriter.HeaderSize(data.Length, masked: false);
        var frame = new byte[headerSize + data.Length];
        FrameWriter.WriteHeader(
            true,
            bits,
            opcode,
            data.Length,
            FSharpValueOption<uint>.None,
            frame
        );
        data.CopyTo(frame.AsSpan(headerSize));
        return frame;
    }
}
