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

    private static ArgumentException LoneSurrogate(EncoderFallbackException error) =>
        new(
            $"The text has a lone surrogate at index {error.Index}: it can't be encoded.",
            "text",
            error
        );
}
