using System.Globalization;
using System.Text;

namespace FunctionalWs;

/// <summary>Text that a peer wrote, made fit for logs and exceptions: one line, no control characters, bounded.</summary>
internal static class PeerText
{
    private const int MaxLength = 256;
    private const int EscapeSize = 6; // a backslash, a u and four digits

    public static string Escape(string text)
    {
        var isPlain = text.Length <= MaxLength && !text.Any(NeedsEscape);
        if (isPlain)
            return text;

        var escaped = new StringBuilder();
        foreach (var character in text)
        {
            var size = NeedsEscape(character) ? EscapeSize : 1;
            if (escaped.Length + size > MaxLength)
                return escaped.Append('…').ToString();
            if (size == 1)
                escaped.Append(character);
            else
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
        }
        return escaped.ToString();
    }

    // Line and paragraph separators, formatting such as direction marks, and lone surrogates count as controls here.
    private static bool NeedsEscape(char character) =>
        char.IsControl(character)
        || CharUnicodeInfo.GetUnicodeCategory(character)
            is UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator
                or UnicodeCategory.Format;
}
