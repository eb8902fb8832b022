namespace FunctionalWs.Testing;

/// <summary>
/// Records as those of TLS in their form (RFC 8446 §5.1), with a tag behind what they carry, but not encrypted: nothing of one can be
/// used until all of it is there.
/// </summary>
internal static class SealedRecord
{
    /// <summary>The most that a record carries.</summary>
    public const int MaxSize = 16 * 1024;

    private const byte Alert = 21;
    private const byte Data = 23;
    private const int HeaderSize = 5;
    private const int TagSize = 16;

    /// <summary>The record that says that nothing more comes.</summary>
    public static byte[] Goodbye => Create(Alert, [1, 0]);

    /// <summary>A record with some bytes, or with none.</summary>
    public static byte[] Seal(ReadOnlySpan<byte> plain) => Create(Data, plain);

    /// <summary>Opens the first record of some bytes.</summary>
    /// <param name="bytes">What has come; a record that is whole is cut off.</param>
    /// <param name="plain">What it carries; null for the one that says that nothing more comes.</param>
    /// <returns>False when the record isn't whole.</returns>
    public static bool TryOpen(ref ReadOnlySpan<byte> bytes, out byte[]? plain)
    {
        plain = null;
        if (bytes.Length < HeaderSize)
            return false;
        var size = bytes[3] << 8 | bytes[4];
        if (bytes.Length < HeaderSize + size)
            return false;
        var record = bytes[..(HeaderSize + size)];
        plain = bytes[0] == Alert ? null : record[HeaderSize..^TagSize].ToArray();
        if (!record.SequenceEqual(plain is null ? Goodbye : Seal(plain)))
            throw new InvalidDataException("What came is no record.");
        bytes = bytes[record.Length..];
        return true;
    }

    /// <summary>What the records carry that are whole.</summary>
    public static byte[] OpenAll(ReadOnlySpan<byte> bytes)
    {
        var all = new List<byte>();
        while (TryOpen(ref bytes, out var plain))
            all.AddRange(plain ?? []);
        return [.. all];
    }

    private static byte[] Create(byte type, ReadOnlySpan<byte> content)
    {
        var record = new byte[HeaderSize + content.Length + TagSize];
        var size = content.Length + TagSize;
        byte[] header = [type, 3, 3, (byte)(size >> 8), (byte)size];
        header.CopyTo(record, 0);
        content.CopyTo(record.AsSpan(HeaderSize));
        return record;
    }
}
