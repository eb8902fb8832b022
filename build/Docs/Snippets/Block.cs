using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Snippets;

/// <summary>
/// A block of code in a page. Without further ado it is compiled and run. A comment in the line before it may say otherwise; readers
/// never see that comment:
/// <c>&lt;!-- code: serves "ping" -> "pong" at /path --&gt;</c> runs it until a client has sent the one and got the other,
/// <c>&lt;!-- code: compiles: why it can't run --&gt;</c> only compiles it,
/// <c>&lt;!-- code: continues --&gt;</c> puts it behind the block before it,
/// <c>&lt;!-- code: after var five = 5 --&gt;</c> puts a statement of C# in front of it,
/// They can be put together with a semicolon. A block has the <c>using</c>s and <c>open</c>s that it needs in a new project; values of
/// the reader's own it finds in <c>Context</c>, in C#.
/// </summary>
internal sealed partial record Block(
    string File,
    int Line,
    string Language,
    string[] Directives,
    string[] Code
)
{
    private static readonly string[] Languages =
    [
        "csharp",
        "fsharp",
        "sh",
        "text",
        "ini",
        "nginx",
        "haproxy",
        "caddy",
        "dockerfile",
        "yaml",
        "json",
        "xml",
        "html",
        "js",
    ];
    private static readonly string[] Known = ["serves", "compiles", "continues", "after"];

    public string Where => $"{File}:{Line}";

    /// <summary>The page as a name in code.</summary>
    public string Page =>
        Path.GetFileNameWithoutExtension(File).Replace('-', '_').Replace('.', '_');

    public string Name => $"{Page}_{Line}";

    /// <summary>A statement of C# that readers don't see; null for none.</summary>
    public string? Before =>
        Directives.FirstOrDefault(directive => directive.StartsWith("after ")) is { } after
            ? after["after ".Length..] + ";"
            : null;

    public bool Continues => Directives.Contains("continues");

    public bool OnlyCompiles => Directives.Any(directive => directive.StartsWith("compiles:"));

    /// <summary>What a client sends, what it gets, and the path that it asks for; null for a block that serves nobody.</summary>
    public (string Send, string Expect, string Path)? Serves =>
        Directives
            .Select(directive => Serving().Match(directive))
            .FirstOrDefault(match => match.Success)
            is { } match
            ? (
                match.Groups[1].Value,
                match.Groups[2].Value,
                match.Groups[3] is { Success: true } path ? path.Value : "/"
            )
            : null;

    /// <summary>What is wrong with what the block says of itself; null for nothing.</summary>
    public string? Mistake =>
        !Languages.Contains(Language)
            ? $"{Where}: \"{Language}\" is none of the languages {string.Join(", ", Languages)}"
        : Directives.FirstOrDefault(directive => !Known.Contains(Word().Match(directive).Value))
            is { } unknown
            ? $"{Where}: \"{unknown}\" is none of {string.Join(", ", Known)}"
        : Directives.Any(directive =>
            directive.StartsWith("serves") && !Serving().IsMatch(directive)
        )
            ? $"{Where}: a block serves \"text\" -> \"text\" at /path"
        : null;

    public static IEnumerable<Block> In(string root, string file)
    {
        var lines = System.IO.File.ReadAllLines(Path.Combine(root, file));
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("```"))
                continue;
            var start = i;
            while (++i < lines.Length && !lines[i].StartsWith("```")) { }
            var directive = start > 0 ? Comment().Match(lines[start - 1]) : Match.Empty;
            string[] directives = directive.Success
                ? directive.Groups[1].Value.Split(';', StringSplitOptions.TrimEntries)
                : [];
            yield return new Block(
                file,
                start + 2,
                lines[start][3..].Trim(),
                directives,
                lines[(start + 1)..i]
            );
        }
    }

    [GeneratedRegex("^<!-- code: (.*) -->$")]
    private static partial Regex Comment();

    [GeneratedRegex("^serves \"(.*)\" -> \"(.*?)\"(?: at (/.*))?$")]
    private static partial Regex Serving();

    [GeneratedRegex(@"^\w+")]
    private static partial Regex Word();
}
