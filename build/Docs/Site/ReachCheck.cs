using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>
/// Finds pages that only the menu leads to: a reader who needs one is on another page. Links of the text count, those of the menu,
/// the head and the foot don't. Pages of the API are reached from their namespace's.
/// </summary>
internal static partial class ReachCheck
{
    private const string First = "index.html";
    private const int Clicks = 2;

    public static IEnumerable<string> Missing(string folder)
    {
        var root = Path.GetFullPath(folder);
        var links = Directory
            .GetFiles(root, "*.html", SearchOption.AllDirectories)
            .ToDictionary(page => page, page => LinksOf(page).ToHashSet());
        var near = Near(Path.Combine(root, First), links);
        foreach (var page in links.Keys.Order(StringComparer.Ordinal))
        {
            var name = Path.GetRelativePath(root, page).Replace('\\', '/');
            if (name == First)
                continue;
            if (!name.StartsWith("reference/") && !near.Contains(page))
                yield return $"{name}: more than {Clicks} clicks from {First}";
            if (!links.Any(other => IsGuide(other.Key) && other.Value.Contains(page)))
                yield return $"{name}: no page but {First} and the menu leads there";

            bool IsGuide(string other) =>
                other != page && Path.GetRelativePath(root, other) != First;
        }
    }

    private static HashSet<string> Near(string first, Dictionary<string, HashSet<string>> links)
    {
        HashSet<string> near = [first];
        for (var click = 0; click < Clicks; click++)
            near.UnionWith([.. near.SelectMany(page => links.GetValueOrDefault(page) ?? [])]);
        return near;
    }

    private static IEnumerable<string> LinksOf(string page) =>
        Link()
            .Matches(Text().Match(File.ReadAllText(page)).Value)
            .Select(link =>
                Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, link.Groups[1].Value))
            );

    [GeneratedRegex("<main id=\"content\">.*</main>", RegexOptions.Singleline)]
    private static partial Regex Text();

    [GeneratedRegex("href=\"([^\":#]+)[^\"]*\"")]
    private static partial Regex Link();
}
