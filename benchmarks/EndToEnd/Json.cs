using System.IO.Compression;
using System.Text;

namespace EndToEnd;

/// <summary>Messages such as applications send, the same ones each time: alike, but none like another.</summary>
internal static class Json
{
    /// <summary>So many messages of a size.</summary>
    public static byte[][] Messages(int count, int size)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ => Message(random, size))];
    }

    /// <summary>One as <c>permessage-deflate</c> has it, understood without others (RFC 7692 §7.2.1).</summary>
    public static byte[] Compress(byte[] message)
    {
        var compressed = new MemoryStream();
        using (var deflate = new DeflateStream(compressed, CompressionLevel.Optimal, true))
        {
            deflate.Write(message);
            deflate.Flush();
            return compressed.ToArray()[..^4];
        }
    }

    private static byte[] Message(Random random, int size)
    {
        var text = new StringBuilder("{\"events\":[");
        while (text.Length < size)
            text.Append(
                $"{{\"id\":{random.Next(100_000)},\"user\":\"user{random.Next(500)}\",\"kind\":\"update\",\"price\":{random.Next(10_000)}}},"
            );
        return Encoding.ASCII.GetBytes(text.ToString(0, size));
    }
}
