using System.Net;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>
/// Finds links that lead nowhere: of the site's pages to each other and their anchors, and of the Markdown files to files of the
/// repository and headings. Links to other hosts are only looked at for their form.
/// </summary>
internal static partial class LinkCheck
{
    public static IEnumerable<string> InSite(string folder, IReadOnlySet<string> mayBeMissing)
    {
        var pages = Directory
            .GetFiles(folder, "*.html", SearchOption.AllDirectories)
            .ToDictionary(page => Path.GetFullPath(page), File.ReadAllText);
        var anchors = pages.ToDictionary(page => page.Key, page => AnchorsIn(page.Value));
        foreach (var (page, html) in pages)
        {
            var name = Path.GetRelativePath(folder, page);
            foreach (
                var twice in anchors[page]
                    .GroupBy(anchor => anchor)
                    .Where(group => group.Count() > 1)
            )
                if (!name.StartsWith("reference")) // fsdocs gives overloads of F# one anchor
                    yield return $"{name}: two places are called #{twice.Key}";
            if (Placeholder().Match(html) is { Success: true } left)
                yield return $"{name}: {left.Value} was not filled in";
            foreach (
                var link in Link()
                    .Matches(html)
                    .Select(match => WebUtility.HtmlDecode(match.Groups[1].Value))
                    .Distinct()
            )
                if (Wrong(page, link, Exists) is { } wrong)
                    yield return $"{name}: {wrong}";
        }

        var list = Path.GetFullPath(Path.Combine(folder, "llms.txt"));
        foreach (Match match in MarkdownLink().Matches(File.ReadAllText(list)))
            if (Wrong(list, match.Groups[1].Value, Exists) is { } wrong)
                yield return $"llms.txt: {wrong}";

        bool Exists(string file, string anchor) =>
            mayBeMissing.Contains(Path.GetFileNameWithoutExtension(file) + ".md")
            || File.Exists(file)
                && (
                    anchor == ""
                    || (anchors.TryGetValue(file, out var known) && known.Contains(anchor))
                );
    }

    public static IEnumerable<string> InMarkdown(string root, IReadOnlySet<string> mayBeMissing)
    {
        var files = Directory
            .GetFiles(Path.Combine(root, "docs"), "*.md")
            .Concat(Directory.GetFiles(root, "*.md"))
            .Append(Path.Combine(root, "llms.txt"));
        foreach (var file in files.Select(Path.GetFullPath))
        {
            var lines = File.ReadAllLines(file);
            var isCode = false;
            for (var i = 0; i < lines.Length; i++)
            {
                isCode ^= lines[i].StartsWith("```");
                if (isCode)
                    continue;
                foreach (Match match in MarkdownLink().Matches(lines[i]))
                    if (Wrong(file, match.Groups[1].Value, Exists) is { } wrong)
                        yield return $"{Path.GetRelativePath(root, file)}:{i + 1}: {wrong}";
            }
        }

        bool Exists(string file, string anchor) =>
            mayBeMissing.Contains(Path.GetFileName(file))
            || file.Contains("/docs/reference/") // made with the site, and checked there
            || (
                (File.Exists(file) || Directory.Exists(file))
                && (anchor == "" || HeadingsIn(file).Contains(anchor))
            );
    }

    private static string? Wrong(string file, string link, Func<string, string, bool> exists)
    {
        if (link.StartsWith("http://") || link.StartsWith("https://"))
            return Uri.TryCreate(link, UriKind.Absolute, out var uri) && uri.Host.Contains('.')
                ? null
                : $"{link} is no address";
        if (link.StartsWith("mailto:"))
            return null;
        var (path, anchor) = link.Split('#', 2) is [var before, var after]
            ? (before, after)
            : (link, "");
        var target =
            path == "" ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path));
        return exists(target, Uri.UnescapeDataString(anchor)) ? null : $"{link} leads nowhere";
    }

    private static List<string> AnchorsIn(string html) =>
        [.. Anchor().Matches(html).Select(match => match.Groups[1].Value)];

    private static IEnumerable<string> HeadingsIn(string file) =>
        File.ReadLines(file)
            .Where(line => line.StartsWith('#'))
            .Select(line => Page.Slug(line.TrimStart('#')));

    [GeneratedRegex("(?:href|src)=\"([^\"]*)\"")]
    private static partial Regex Link();

    [GeneratedRegex(" id=\"([^\"]*)\"")]
    private static partial Regex Anchor();

    [GeneratedRegex(@"\{\{[\w-]+\}\}|/ROOT-OF-SITE/")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex MarkdownLink();
}
