namespace FunctionalWs;

/// <summary>The fragments of a message as the bytes of a stream.</summary>
internal sealed class FragmentStream(MessageStream fragments) : Stream
{
    private ReadOnlyMemory<byte> left;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        while (left.IsEmpty)
        {
            if (!fragments.MoveNext())
                return 0;
            left = fragments.Current.Data;
        }
        var size = Math.Min(left.Length, buffer.Length);
        left.Span[..size].CopyTo(buffer);
        left = left[size..];
        return size;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return Read(buffer.AsSpan(offset, count));
    }

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            fragments.Dispose();
        base.Dispose(disposing);
    }
}
