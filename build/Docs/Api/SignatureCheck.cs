using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Api;

/// <summary>Finds types and members of F# whose page lacks their declaration in C# or in F#.</summary>
internal static partial class SignatureCheck
{
    private static readonly string[] Both = ["csharp", "fsharp"];

    public static IEnumerable<string> Missing(string site, IEnumerable<Library> libraries) =>
        from library in libraries
        where library.IsFSharp && !library.IsOnlyForFSharp
        from type in library.Types
        let page = Links.PageOf(type)
        let sections = SectionsOf(File.ReadAllText(Path.Combine(site, "reference", page)))
        from anchor in AnchorsOf(library, type)
        from language in Both
        where !IsDeclared(sections.GetValueOrDefault(anchor, ""), language)
        select $"reference/{page}#{anchor} has no signature in {language}";

    private const string Head = "";

    // The values of an enumeration are a table, which is the same in both.
    private static IEnumerable<string> AnchorsOf(Library library, Type type) =>
        Links
            .Anchors(type)
            .Where(item => !type.IsEnum && library.IsWritten(item.Member))
            .Select(item => item.Anchor)
            .Prepend(Head);

    private static Dictionary<string, string> SectionsOf(string page)
    {
        var sections = Member()
            .Matches(page)
            .ToDictionary(match => match.Groups[1].Value, match => match.Value);
        sections[Head] = page.Split("<section class=\"member\">")[0];
        return sections;
    }

    private static bool IsDeclared(string section, string language) =>
        Declaration()
            .Matches(section)
            .Any(match =>
                match.Groups[1].Value == language
                && !string.IsNullOrWhiteSpace(Markup.Plain(match.Groups[2].Value))
            );

    [GeneratedRegex(
        "<section class=\"member\">\\s*<h3 id=\"([^\"]*)\".*?</section>",
        RegexOptions.Singleline
    )]
    private static partial Regex Member();

    [GeneratedRegex("<pre class=\"declaration (\\w+)\">(.*?)</pre>", RegexOptions.Singleline)]
    private static partial Regex Declaration();
}
