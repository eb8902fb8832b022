using System.Text.Json;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>What the search box looks through: fsdocs' entries and those of our pages of the API.</summary>
internal sealed partial class SearchIndex
{
    private readonly List<Entry> entries = [];

    private sealed record Entry(
        string Title,
        string Uri,
        string Kind,
        string Headings,
        string Text
    );

    public void Read(string file, Func<string, bool> isWanted)
    {
        using var index = JsonDocument.Parse(File.ReadAllText(file));
        foreach (var entry in index.RootElement.EnumerateArray())
        {
            var headings = entry
                .GetProperty("headings")
                .EnumerateArray()
                .Select(heading => heading.GetString());
            var isPage = entry.GetProperty("type").GetString() == "content";
            var title = entry.GetProperty("title").GetString()!;
            var uri = entry.GetProperty("uri").GetString()!.Replace(Page.Root, "");
            var text = entry.GetProperty("content").GetString()!;
            if (!isPage)
                text = WithoutName(title, Plain(text));
            // What has no summary was written by a compiler.
            if (isPage || (text != "" && isWanted(uri)))
                Add(title, uri, isPage ? "page" : "F#", text, string.Join(' ', headings));
        }
    }

    // An item's text begins with its name, with and without its type.
    private static string WithoutName(string title, string text)
    {
        foreach (var name in new[] { title, title.Split('.')[^1] })
            if (text.StartsWith(name))
                text = text[name.Length..].TrimStart();
        return text;
    }

    public void Add(string title, string uri, string kind, string text, string headings = "") =>
        entries.Add(new Entry(Plain(title), uri, kind, Plain(headings), Plain(text)));

    /// <summary>Writes a script, which unlike JSON can be read without a server.</summary>
    public void Write(string file)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        };
        File.WriteAllText(
            file,
            $"window.searchIndex = {JsonSerializer.Serialize(entries, options)};\n"
        );
    }

    private static string Plain(string html) =>
        Blanks().Replace(System.Net.WebUtility.HtmlDecode(Tag().Replace(html, "")), " ").Trim();

    [GeneratedRegex("</?[a-z][^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
