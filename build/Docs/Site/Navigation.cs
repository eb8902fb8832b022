using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>The menu: navigation.txt with the titles of the pages, then the API.</summary>
internal sealed partial class Navigation
{
    private readonly List<(string Category, List<(string Title, string Page)> Pages)> categories =
    [];

    private const string List = "build/Docs/navigation.txt";

    public IReadOnlyList<string> Mistakes { get; }

    /// <summary>Pages that may not be there, and to which links may lead all the same.</summary>
    public static IReadOnlySet<string> MayBeMissing =>
        File.ReadLines(List)
            .Where(line => line.StartsWith("  ("))
            .Select(line => line.Trim(' ', '(', ')'))
            .ToHashSet();

    public Navigation(string docs, IEnumerable<string> namespaces)
    {
        var mistakes = new List<string>();
        var known = new HashSet<string> { "index.md" };
        foreach (var line in File.ReadLines(List).Where(line => line is not ("" or ['#', ..])))
        {
            var name = line.Trim().Trim('(', ')');
            if (line[0] != ' ')
                categories.Add((line, []));
            else if (known.Add(name) && File.Exists(Path.Combine(docs, name)))
                categories[^1]
                    .Pages.Add(
                        (TitleOf(Path.Combine(docs, name)), Path.ChangeExtension(name, ".html"))
                    );
            else if (!line.Contains('('))
                mistakes.Add($"{List}: there is no docs/{name}");
        }

        mistakes.AddRange(
            Directory
                .GetFiles(docs, "*.md")
                .Select(page => Path.GetFileName(page))
                .Where(page => !known.Contains(page))
                .Select(page => $"docs/{page}: its place in the menu is missing in {List}")
        );
        if (Directory.Exists(Path.Combine(docs, "scripts")))
            categories.Add(("Scripts", [.. Scripts(Path.Combine(docs, "scripts"))]));
        categories.Add(
            ("API", [("All types", "reference/index.html"), .. namespaces.Select(Entry)])
        );
        Mistakes = mistakes;
    }

    /// <summary>The menu for a page; links begin with <paramref name="root"/>.</summary>
    public string For(string page, string root)
    {
        var html = new StringBuilder();
        foreach (var (category, pages) in categories)
        {
            html.Append($"<strong>{category}</strong><ul>");
            foreach (var (title, address) in pages)
                html.Append(
                    $"<li><a href=\"{root}{address}\"{(address == page ? " aria-current=\"page\"" : "")}>{title}</a></li>"
                );
            html.Append("</ul>");
        }

        return html.ToString();
    }

    // In their order, as they say themselves at their beginning.
    private static IEnumerable<(string, string)> Scripts(string folder) =>
        Directory
            .GetFiles(folder, "*.fsx")
            .Select(file => (File: file, Head: File.ReadAllText(file)))
            .OrderBy(page => FrontMatter("index", page.Head), StringComparer.Ordinal)
            .Select(page =>
                (
                    FrontMatter("title", page.Head),
                    $"scripts/{Path.GetFileNameWithoutExtension(page.File)}.html"
                )
            );

    private static string FrontMatter(string key, string text) =>
        Regex.Match(text, $@"^{key}: *(.*?)\r?$", RegexOptions.Multiline).Groups[1].Value;

    private static (string, string) Entry(string name) =>
        (name, "reference/" + Api.ApiPage.NamespacePage(name));

    /// <summary>The first heading, with code as HTML.</summary>
    public static string TitleOf(string file)
    {
        var heading = File.ReadLines(file).First(line => line.StartsWith("# "))[2..];
        return Code().Replace(WebUtility.HtmlEncode(heading), "$1");
    }

    [GeneratedRegex("`([^`]*)`")]
    private static partial Regex Code();
}
