using System.Buffers;
using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// Whole frames, or the rest of one, on their way to a transport. Rented while it holds something. Guarded by the
/// connection's write gate. A client's payloads are masked as they are copied into it: the application's memory stays as it is.
/// </summary>
internal sealed class OutputBuffer(Transport transport, FrameLog? log, MaskingKeys? keys)
{
    /// <summary>What it takes before it is written out, in bytes.</summary>
    public const int Capacity = 16 * 1024;

    private const int MaxSmallSize = 1024;

    private byte[]? buffer;
    private int start;
    private int end;

    // The largest control frame: a header of two bytes, a client's key and 125 of payload (RFC 6455 §5.5).
    private const int MaxControlSize = 131;

    // Large payloads are masked in pieces.
    private const int MaskedSize = 64 * 1024;

    public bool IsEmpty => start == end;

    /// <summary>The bytes that have not left. Read by others for information only.</summary>
    public int Size => Math.Max(end - start, 0);

    /// <summary>Where messages are counted; null while nobody wants to know.</summary>
    public MessageFlow? Flow { get; set; }

    /// <summary>True when so many control frames fit without writing anything out.</summary>
    public bool HasRoomForControls(int count) => Capacity - end >= count * MaxControlSize;

    /// <summary>True for a frame that <see cref="WriteSmall"/> takes.</summary>
    public bool IsSmall(int payloadSize) => IsEmpty && payloadSize <= MaxSmallSize;

    /// <summary>
    /// Writes a small frame that nothing waits before, however long that takes. It comes to the same as adding and flushing,
    /// but on the stack: among a thousand connections a rented buffer is seldom in the processor's cache.
    /// </summary>
    [SkipLocalsInit]
    public void WriteSmall(Output.Data data, ReadOnlySpan<byte> payload)
    {
        log?.Sent(data.Opcode, data.Fin, ReservedBits.None, payload.Length);
        Span<byte> frame = stackalloc byte[FrameReader.MaxHeaderSize + MaxSmallSize];
        var key = NextKey;
        var headerSize = FrameWriter.WriteHeader(
            data.Fin,
            ReservedBits.None,
            data.Opcode,
            payload.Length,
            key,
            frame
        );
        Copy(payload, key, frame[headerSize..]);
        Flow?.Add(data.Opcode, data.Fin, payload.Length, headerSize + payload.Length);
        transport.Write(frame[..(headerSize + payload.Length)]);
    }

    /// <summary>Adds what a transition writes, with the payload of a data frame.</summary>
    /// <param name="output">What is written.</param>
    /// <param name="bits">The extensions that have transformed the message.</param>
    /// <param name="payload">The payload of a data frame, as it is on the wire.</param>
    /// <param name="size">Its size as the application sees it.</param>
    public void Add(Output output, ReservedBits bits, ReadOnlySpan<byte> payload, int size)
    {
        switch (output)
        {
            case Output.Data data:
                var wireSize = HeaderSize(payload.Length) + payload.Length;
                Flow?.Add(data.Opcode, data.Fin, size, wireSize);
                AddFrame(data.Opcode, data.Fin, payload, bits);
                break;
            case Output.Ping ping:
                AddFrame(Opcode.Ping, true, ping.Payload.Span);
                break;
            case Output.Pong pong:
                AddFrame(Opcode.Pong, true, pong.Payload.Span);
                break;
            case Output.Close close:
                AddFrame(Opcode.Close, true, close.Status.ToArray());
                break;
        }
    }

    /// <summary>Adds as much of some bytes as there is room for, and tells how much that was.</summary>
    public int AddPart(ReadOnlySpan<byte> source)
    {
        var size = Math.Min(source.Length, Capacity - end);
        if (size == 0)
            return 0;
        buffer ??= SharedBuffers.Pool.Rent(Capacity);
        source[..size].CopyTo(buffer.AsSpan(end));
        end += size;
        return size;
    }

    /// <summary>
    /// Adds a frame, writing out what does not fit: one system call for most frames, however large.
    /// </summary>
    private void AddFrame(
        Opcode opcode,
        bool fin,
        ReadOnlySpan<byte> payload,
        ReservedBits bits = ReservedBits.None
    )
    {
        log?.Sent(opcode, fin, bits, payload.Length);
        var headerSize = HeaderSize(payload.Length);
        if (end + headerSize + payload.Length > Capacity)
        {
            Flush();
            if (headerSize + payload.Length > Capacity)
            {
                WriteLarge(opcode, fin, payload, bits);
                return;
            }
        }

        buffer ??= SharedBuffers.Pool.Rent(Capacity);
        var key = NextKey;
        end += FrameWriter.WriteHeader(fin, bits, opcode, payload.Length, key, buffer.AsSpan(end));
        Copy(payload, key, buffer.AsSpan(end));
        end += payload.Length;
    }

    /// <summary>A large payload goes to the transport from where it lies, unless it has to be masked.</summary>
    private void WriteLarge(Opcode opcode, bool fin, ReadOnlySpan<byte> payload, ReservedBits bits)
    {
        Span<byte> header = stackalloc byte[FrameReader.MaxHeaderSize];
        var key = NextKey;
        header = header[..FrameWriter.WriteHeader(fin, bits, opcode, payload.Length, key, header)];
        if (key.IsSome)
            WriteMasked(header, payload, key.Value);
        else
            transport.Write(header, payload);
    }

    private void WriteMasked(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload, uint key)
    {
        var piece = SharedBuffers.Pool.Rent(MaskedSize);
        try
        {
            header.CopyTo(piece);
            var used = header.Length;
            for (var offset = 0; offset < payload.Length; used = 0)
            {
                var size = Math.Min(payload.Length - offset, MaskedSize - used);
                Masking.Apply(key, offset, payload.Slice(offset, size), piece.AsSpan(used));
                transport.Write(piece.AsSpan(0, used + size));
                offset += size;
            }
        }
        finally
        {
            SharedBuffers.Pool.Return(piece);
        }
    }

    private FSharpValueOption<uint> NextKey =>
        keys is null
            ? FSharpValueOption<uint>.None
            : FSharpValueOption<uint>.NewValueSome(keys.Next());

    private int HeaderSize(int payloadSize) =>
        FrameWriter.HeaderSize(payloadSize, masked: keys is not null);

    private static void Copy(
        ReadOnlySpan<byte> payload,
        FSharpValueOption<uint> key,
        Span<byte> destination
    )
    {
        if (key.IsSome)
            Masking.Apply(key.Value, 0, payload, destination);
        else
            payload.CopyTo(destination);
    }

    /// <summary>Writes everything, however long that takes.</summary>
    public void Flush()
    {
        if (buffer is null)
            return;
        try
        {
            transport.Write(buffer.AsSpan(start, end - start));
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Writes what can be written without waiting; true when nothing is left.</summary>
    public bool TryFlush()
    {
        if (buffer is null)
            return true;
        start += transport.TryWrite(buffer.AsSpan(start, end - start));
        if (start < end)
            return false;
        Release();
        return true;
    }

    /// <summary>Forgets what was not written: the stream is broken.</summary>
    public void Release()
    {
        if (buffer is not null)
            SharedBuffers.Pool.Return(buffer);
        buffer = null;
        start = end = 0;
    }
}
