using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace FunctionalWs.Docs.Site;

/// <summary>
/// Turns a page as fsdocs writes it into one of the site: links that work from any folder and without a server, headings with
/// the anchors that Markdown gives them elsewhere, the menu, and no icons from other hosts.
/// </summary>
internal sealed partial class Page(Navigation navigation, string repository)
{
    /// <summary>What fsdocs and the template have in front of links; replaced by the way up to the site's root.</summary>
    public const string Root = "/ROOT-OF-SITE/";

    public string Finish(string html, string path)
    {
        var root = string.Concat(Enumerable.Repeat("../", path.Count(c => c == '/')));
        html = Icons().Replace(html, "");
        html = Tips().Replace(html, "");
        html = NestedAnchor().Replace(html, "<a id=\"$1\" href=\"#$2\">$3</a>");
        html = html.Replace("<details>", "<details open>")
            .Replace("<fsdocs-details-toggle></fsdocs-details-toggle>", "");
        html = Row().Replace(html, row => Summary().IsMatch(row.Value) ? row.Value : "");
        html = EmptySection().Replace(html, "");
        if (!html.Contains("<h1"))
            html = FirstHeading().Replace(html, "<h1>$1</h1>", 1);
        html = Own().Replace(html, match => Local(match.Groups[1].Value));
        html = Link().Replace(html, match => $"href=\"{Target(match.Groups[1].Value)}\"");
        html = Rfc().Replace(html, RfcLink);
        var slugs = new Dictionary<string, int>();
        html = Heading().Replace(html, heading => Headed(heading, slugs));
        html = Pair().Replace(html, Tabs);
        html = Table().Replace(html, table => $"<div class=\"scroll\">{table.Value}</div>");
        html = TitleElement()
            .Replace(html, title => $"<title>{Title(title.Groups[1].Value)}</title>");
        html = html.Replace("<!-- description -->", Description(html));
        html = html.Replace("<!-- menu -->", navigation.For(path, root));
        html = html.Replace("<!-- contents -->", Contents(html));
        return html.Replace(Root, root).Replace("data-root=\"\"", "data-root=\"./\"");
    }

    /// <summary>The choice of a language. Without scripts both are seen. page.js chooses.</summary>
    public const string Languages = """
        <div class="languages" role="group" aria-label="Language of the code"><button type="button" data-choose="csharp">C#</button><button type="button" data-choose="fsharp">F#</button></div>
        """;

    private const string Tabs = $"""
        <div class="pair">
        {Languages}
        <div class="csharp">$1</div>
        <div class="fsharp">$2</div>
        </div>
        """;

    /// <summary>The anchor of a heading, as GitHub makes it.</summary>
    public static string Slug(string text) =>
        NotInSlug().Replace(text.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    // fsdocs leaves the line's end in; on the first page it would be the product's name, twice.
    private static string Title(string title) =>
        Blanks().Replace(title, " ").Trim() switch
        {
            "FunctionalWs · FunctionalWs" => "FunctionalWs: a WebSocket server library for .NET",
            var other => other,
        };

    // What a search engine shows below the title: the first paragraph, cut between words.
    private static string Description(string html)
    {
        const int most = 200;
        var text = Paragraphs()
            .Matches(html)
            .Select(match => Blanks().Replace(Tag().Replace(match.Groups[1].Value, ""), " ").Trim())
            .FirstOrDefault(text => text != "");
        // A list of types has none.
        text = text is null
            ? $"The API of {TitleElement().Match(html).Groups[1].Value}"
            : WebUtility.HtmlDecode(text);
        if (text.Length > most)
            text = text[..text.LastIndexOf(' ', most)] + " …";
        return $"<meta name=\"description\" content=\"{WebUtility.HtmlEncode(text)}\">";
    }

    // Headings of one text are numbered from the second on, as GitHub does.
    private static string Headed(Match heading, Dictionary<string, int> slugs)
    {
        var (level, attributes, content) = (
            heading.Groups[1].Value,
            heading.Groups[2].Value,
            heading.Groups[3].Value
        );
        if (attributes.Contains("id="))
            return heading.Value;
        var text = OuterAnchor().Replace(content.Trim(), "$1");
        var slug = Slug(WebUtility.HtmlDecode(Tag().Replace(text, "")));
        var times = slugs[slug] = slugs.GetValueOrDefault(slug) + 1;
        if (times > 1)
            slug += $"-{times - 1}";
        return $"<h{level} id=\"{slug}\"><a class=\"anchor\" href=\"#{slug}\">{text}</a></h{level}>";
    }

    // Overloads of a member are one entry. On fsdocs' pages the members are one level below the third headings.
    private static string Contents(string html)
    {
        var top = html.Contains("fsdocs-member-list") ? "3" : "2";
        var entries = Finished()
            .Matches(html)
            .Select(heading =>
                heading.Groups[4].Success
                    ? (Level: "4", Anchor: heading.Groups[4].Value, Text: heading.Groups[4].Value)
                    : (
                        Level: heading.Groups[1].Value,
                        Anchor: heading.Groups[2].Value,
                        Text: TextOf(heading)
                    )
            )
            .DistinctBy(entry => (entry.Level, entry.Text))
            .Select(entry =>
                $"<li{(entry.Level != top ? " class=\"deep\"" : "")}><a href=\"#{entry.Anchor}\">{entry.Text}</a></li>"
            );
        var list = string.Concat(entries);
        return list == "" ? "" : $"<strong>On this page</strong><ul>{list}</ul>";
    }

    // Of members without parameters, in the language that is chosen if they are called otherwise in the other.
    private static string TextOf(Match heading)
    {
        var isMember = heading.Groups[1].Value == "3";
        var texts = InLanguage()
            .Matches(heading.Groups[3].Value)
            .Select(match => (Language: match.Groups[1].Value, Text: Name(match.Groups[2].Value)))
            .ToList();
        return texts.DistinctBy(one => one.Text).Count() > 1
            ? string.Concat(
                texts.Select(one => $"<span class=\"{one.Language}\">{one.Text}</span>")
            )
            : texts.Select(one => one.Text).FirstOrDefault() ?? Name(heading.Groups[3].Value);

        string Name(string html)
        {
            var text = Tag().Replace(html, "");
            return isMember && text.IndexOf('(') is > 0 and var end ? text[..end].Trim() : text;
        }
    }

    private static string RfcLink(Match rfc)
    {
        var section = rfc.Groups[2].Success ? $"#section-{rfc.Groups[2].Value}" : "";
        return $"<a href=\"https://www.rfc-editor.org/rfc/rfc{rfc.Groups[1].Value}{section}\">{rfc.Value}</a>";
    }

    // Pages link to each other by their sources, and to files of the repository that aren't in the site.
    private string Target(string link)
    {
        if (link.StartsWith("../") && link.Contains("CHANGELOG.md"))
            return Root + "changelog.html";
        if (link.StartsWith("../"))
            return $"{repository}/blob/main/{link[3..]}";
        return PageLink()
            .Replace(
                link,
                match =>
                    Path.ChangeExtension(match.Groups[1].Value, ".html") + match.Groups[2].Value
            );
    }

    // fsdocs takes types of assemblies that it doesn't document for .NET's.
    private static string Local(string name) => $"{Root}reference/{name.Replace('.', '-')}.html";

    [GeneratedRegex(
        """<div class="icon-button-row">(?:\s*<(a|div) .*?</\1>)*\s*</div>|<iconify-icon[^>]*></iconify-icon>""",
        RegexOptions.Singleline
    )]
    private static partial Regex Icons();

    // In text: not in a tag, a link, a heading or code.
    [GeneratedRegex(
        @"RFC (\d{4,5})(?: (?:§|&#167;)(\d+(?:\.\d+)*))?(?![^<>]*(?:>|</(?:a|h\d|title|code|span|text)>))"
    )]
    private static partial Regex Rfc();

    // What has no summary was written by a compiler: all else must have one.
    [GeneratedRegex("""<tr>\s*<td class="fsdocs-member-usage">.*?</tr>""", RegexOptions.Singleline)]
    private static partial Regex Row();

    [GeneratedRegex("""<p class="fsdocs-summary">\s*\S""")]
    private static partial Regex Summary();

    [GeneratedRegex(
        """<h3>[^<]*</h3>\s*<table class="table outer-list fsdocs-member-list">(?:(?!<tbody>).)*<tbody>\s*</tbody>\s*</table>""",
        RegexOptions.Singleline
    )]
    private static partial Regex EmptySection();

    [GeneratedRegex("<h2(?: [^>]*)?>(.*?)</h2>", RegexOptions.Singleline)]
    private static partial Regex FirstHeading();

    [GeneratedRegex(
        """<a id="([^"]*)">\s*<a href="#([^"]*)">\s*(.*?)\s*</a>\s*</a>""",
        RegexOptions.Singleline
    )]
    private static partial Regex NestedAnchor();

    [GeneratedRegex(
        """<div popover="" class="fsdocs-tip".*?</div>\s*</div>""",
        RegexOptions.Singleline
    )]
    private static partial Regex Tips();

    [GeneratedRegex("""https://learn\.microsoft\.com/dotnet/api/(functionalws[a-z0-9.-]*)""")]
    private static partial Regex Own();

    [GeneratedRegex("href=\"([^\"]*)\"")]
    private static partial Regex Link();

    [GeneratedRegex(@"<h([1-3])([^>]*)>(.*?)</h\1>", RegexOptions.Singleline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^<a [^>]*>(.*)</a>$", RegexOptions.Singleline)]
    private static partial Regex OuterAnchor();

    [GeneratedRegex(
        "<h([23]) id=\"([^\"]*)\"><a class=\"anchor\"[^>]*>(.*?)</a></h|<a id=\"([^\"]*)\" href=",
        RegexOptions.Singleline
    )]
    private static partial Regex Finished();

    // Of Markdown: it may be wider than a phone, and scrolls in a box of its own.
    [GeneratedRegex("<table>.*?</table>", RegexOptions.Singleline)]
    private static partial Regex Table();

    // The same in two languages, one behind the other.
    [GeneratedRegex(
        """<table class="pre"><tr><td class="snippet">(<pre[^>]*><code lang="csharp">(?:(?!</pre>).)*</pre>)\s*</td>\s*</tr>\s*</table>\s*(<pre[^>]*><code lang="fsharp">(?:(?!</pre>).)*</pre>)""",
        RegexOptions.Singleline
    )]
    private static partial Regex Pair();

    [GeneratedRegex("<title>(.*?)</title>", RegexOptions.Singleline)]
    private static partial Regex TitleElement();

    [GeneratedRegex("""<p(?: class="fsdocs-summary")?>(.*?)</p>""", RegexOptions.Singleline)]
    private static partial Regex Paragraphs();

    [GeneratedRegex("<span class=\"(csharp|fsharp)\">(.*?)</span>")]
    private static partial Regex InLanguage();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    // A script has a page, which shows what it prints and leads to the script.
    [GeneratedRegex(@"^([\w./-]+\.md|scripts/[\w-]+\.fsx)(#.*)?$")]
    private static partial Regex PageLink();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInSlug();
}
