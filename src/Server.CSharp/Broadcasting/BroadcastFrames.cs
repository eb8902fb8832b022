using System.Runtime.InteropServices;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>The frames of a message to many: one as it is, and one for each way in which peers want it compressed.</summary>
internal ref struct BroadcastFrames(MessageKind kind, ReadOnlySpan<byte> payload, bool? compress)
{
    private readonly ReadOnlySpan<byte> payload = payload;
    private readonly Dictionary<Form, PostedFrame> frames = [];

    /// <summary>What tells frames of a message apart.</summary>
    /// <param name="Budget">Where it counts: servers have one each.</param>
    /// <param name="Settings">What it is compressed with; null for not at all.</param>
    private readonly record struct Form(BufferBudget? Budget, DeflaterSettings? Settings);

    /// <summary>The frame for a connection.</summary>
    /// <exception cref="Exception">What a filter of the compression throws.</exception>
    public readonly PostedFrame For(ServerConnection connection)
    {
        var message = new OutgoingMessage(kind, payload, isFragmented: false, compress);
        var deflate = connection.Deflate is { } codec && codec.Wants(message) ? codec : null;
        var form = new Form(connection.Server.Budget, deflate?.Deflating);
        ref var frame = ref CollectionsMarshal.GetValueRefOrAddDefault(frames, form, out _);
        return frame ??= deflate is null
            ? ToFrame(ReservedBits.None, payload, form.Budget)
            : Compress(deflate.Deflating, form.Budget);
    }

    /// <summary>Compressed by itself: no peer needs to have seen another message before.</summary>
    private readonly PostedFrame Compress(DeflaterSettings settings, BufferBudget? budget)
    {
        var buffer = new PooledBuffer();
        var deflater = Deflater.Rent(settings);
        try
        {
            deflater.Compress(payload, isEnd: true, buffer, forget: true);
            return ToFrame(ReservedBits.Rsv1, buffer.Written, budget);
        }
        finally
        {
            Deflater.Return(deflater);
            buffer.Release();
        }
    }

    private readonly PostedFrame ToFrame(
        ReservedBits bits,
        ReadOnlySpan<byte> data,
        BufferBudget? budget
    )
    {
        var opcode = kind.IsText ? Opcode.Text : Opcode.Binary;
        var headerSize = FrameWriter.HeaderSize(data.Length, masked: false);
        var frame = MessageArrays.Make(headerSize + data.Length);
        FrameWriter.WriteHeader(true, bits, opcode, data.Length, frame);
        data.CopyTo(frame.AsSpan(headerSize));
        return new PostedFrame(frame, opcode, payload.Length, budget);
    }
}
