namespace FunctionalWs;

/// <summary>
/// The arrays that are as large as what a peer sends, or what is sent to many: where memory runs out first. They are made here, so that
/// tests can have them refused one by one.
/// </summary>
internal static class MessageArrays
{
    /// <summary>Told of each array before it is made, with its size in bytes; may throw. Null but in tests.</summary>
    internal static Action<int>? Asked { get; set; }

    /// <summary>An array with anything in it.</summary>
    /// <param name="size">Its size, in bytes.</param>
    public static byte[] Make(int size)
    {
        Asked?.Invoke(size);
        return GC.AllocateUninitializedArray<byte>(size);
    }

    /// <summary>The same bytes in an array of their own.</summary>
    public static byte[] Copy(ReadOnlySpan<byte> bytes)
    {
        Asked?.Invoke(bytes.Length);
        return bytes.ToArray();
    }
}
