using System.Text;

namespace FunctionalWs;

/// <summary>Text to UTF-8, refusing what can't be encoded instead of replacing it.</summary>
internal static class Utf8Text
{
    private static readonly UTF8Encoding Strict = new(false, true);

    public static int MaxLength(string text) => Strict.GetMaxByteCount(text.Length);

    public static byte[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            return Strict.GetBytes(text);
        }
        catch (EncoderFallbackException error)
        {
            throw LoneSurrogate(error);
        }
    }

    public static int Encode(string text, Span<byte> destination)
    {
        try
        {
            return Strict.GetBytes(text, destination);
        }
        catch (EncoderFallbackException error)
        {
            throw LoneSurrogate(error);
        }
    }

    /// <summary>The parts of one text, each encoded. The first half of a character that is cut waits for the second.</summary>
    /// <exception cref="ArgumentException">The text has a lone surrogate: when the part is asked for that shows it.</exception>
    public static IEnumerable<ReadOnlyMemory<byte>> EncodeParts(IEnumerable<string> parts)
    {
        var half = "";
        foreach (var part in parts)
        {
            ArgumentNullException.ThrowIfNull(part);
            var text = half + part;
            half = text.Length > 0 && char.IsHighSurrogate(text[^1]) ? text[^1..] : "";
            if (half.Length == 0 || text.Length > 1)
                yield return Encode(text[..^half.Length]);
        }
        if (half.Length > 0)
            _ = Encode(half); // throws
    }

    /// <exception cref="ArgumentException">The bytes are not UTF-8.</exception>
    public static void Require(ReadOnlySpan<byte> text, string name)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
            throw new ArgumentException(
                "The bytes are not UTF-8: they can't be sent as text.",
                name
            );
    }

    /// <summary>The bytes at the end that are the beginning of a character: 0 to 3.</summary>
    public static int IncompleteTail(ReadOnlySpan<byte> text)
    {
        for (var size = 1; size <= Math.Min(3, text.Length); size++)
        {
            var lead = text[^size];
            if ((lead & 0xC0) == 0x80)
                continue; // not the first byte of a character
            var needed =
                lead >= 0xF0 ? 4
                : lead >= 0xE0 ? 3
                : lead >= 0xC0 ? 2
                : 1;
            return needed > size ? size : 0;
        }
        return 0;
    }

    private static ArgumentException LoneSurrogate(EncoderFallbackException error) =>
        new(
            Invariant(
                $"The text has a lone surrogate at index {error.Index}: it can't be encoded."
            ),
            "text",
            error
        );
}
