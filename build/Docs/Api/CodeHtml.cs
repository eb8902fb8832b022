using System.Net;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Api;

/// <summary>Blocks of code in the form and the classes that fsdocs gives to those of the pages.</summary>
internal static partial class CodeHtml
{
    public static string Block(string language, string code)
    {
        var html = Token().Replace(WebUtility.HtmlEncode(code).Replace("&quot;", "\""), Colour);
        return $"<pre class=\"fssnip highlighted\"><code lang=\"{language}\">{html}</code></pre>";
    }

    private static string Colour(Match token)
    {
        var kind = token.Value[0] switch
        {
            '/' => "c",
            '"' or '$' or '@' => "s",
            >= '0' and <= '9' => "n",
            _ => "k",
        };
        return $"<span class=\"{kind}\">{token.Value}</span>";
    }

    [GeneratedRegex(
        """
            //[^\n]*|[$@]?"[^"\n]*"|\b\d+\b|\b(using|var|foreach|in|if|else|return|new|static|public|true|false|null|try|catch|when|is)\b
            """,
        RegexOptions.IgnorePatternWhitespace
    )]
    private static partial Regex Token();
}
