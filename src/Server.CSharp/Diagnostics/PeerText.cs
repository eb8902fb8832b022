using System.Globalization;
using System.Net;
using System.Text;

namespace FunctionalWs;

/// <summary>
/// Text that a peer wrote, made fit for logs and exceptions: one line, no control characters, no lone surrogates, bounded.
/// </summary>
internal static class PeerText
{
    private const int MaxLength = 256;
    private const int EscapeSize = 6; // a backslash, a u and four digits

    public static string Escape(string text, int maxLength = MaxLength)
    {
        var escaped = new StringBuilder();
        for (var index = 0; index < text.Length; )
        {
            // Of a lone surrogate only its half.
            var isScalar = Rune.TryGetRuneAt(text, index, out var rune);
            var size = isScalar ? rune.Utf16SequenceLength : 1;
            var isPlain = isScalar && !NeedsEscape(rune);
            if (escaped.Length + (isPlain ? size : size * EscapeSize) > maxLength)
                return escaped.Append('…').ToString();
            Append(escaped, text.AsSpan(index, size), isPlain);
            index += size;
        }
        return escaped.ToString();
    }

    /// <summary>An address for logs. That of a client on a Unix socket is any text it likes.</summary>
    public static object? Of(EndPoint? endPoint) =>
        endPoint is null or IPEndPoint ? endPoint : Escape(endPoint.ToString() ?? "");

    private static void Append(StringBuilder escaped, ReadOnlySpan<char> characters, bool isPlain)
    {
        if (isPlain)
        {
            escaped.Append(characters);
            return;
        }
        foreach (var character in characters)
            escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
    }

    // Line and paragraph separators, and formatting such as direction marks, count as controls here.
    private static bool NeedsEscape(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control
                or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Format;
}
