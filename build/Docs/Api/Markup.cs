using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Api;

/// <summary>What declarations in HTML are made of.</summary>
internal static partial class Markup
{
    public static string Word(string word) => $"<span class=\"k\">{word}</span>";

    public static string Remark(string text) => $"<span class=\"c\">// {text}</span>";

    public static string Plain(string html) => Tag().Replace(html, "");

    /// <summary>True for parameters that are too long for one line.</summary>
    public static bool IsLong(IReadOnlyCollection<string> parameters) =>
        parameters.Count > 1
        && parameters.Sum(html => System.Net.WebUtility.HtmlDecode(Plain(html)).Length) > 42;

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();
}
