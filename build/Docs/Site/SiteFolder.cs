using System.Text.RegularExpressions;
using FunctionalWs.Docs.Api;

namespace FunctionalWs.Docs.Site;

/// <summary>Before and after fsdocs: what it reads is put together, what it writes is finished.</summary>
internal static partial class SiteFolder
{
    /// <summary>
    /// Puts together what fsdocs reads: the pages without the comments that are for the code's check, and the changes.
    /// </summary>
    public static void Stage(string repository, string input, string configuration)
    {
        if (Directory.Exists(input))
            Directory.Delete(input, recursive: true);
        Directory.CreateDirectory(input);
        var docs = Path.Combine(repository, "docs");
        foreach (var file in Directory.GetFiles(docs, "*.md"))
            File.WriteAllText(
                Path.Combine(input, Path.GetFileName(file)),
                Readable(File.ReadAllText(file))
            );
        File.Copy(Path.Combine(repository, "CHANGELOG.md"), Path.Combine(input, "changelog.md"));
        foreach (var folder in new[] { "content", "img", "scripts" })
            Copy(Path.Combine(docs, folder), Path.Combine(input, folder));
        NamePackages(Path.Combine(input, "scripts"), repository, configuration);
        // Scripts and notebooks are made of what is in their folder alone: fsdocs evaluates each page for each template.
        foreach (var template in Directory.GetFiles(docs, "_template.*"))
        {
            var isForAll = Path.GetExtension(template) == ".html";
            File.Copy(
                template,
                Path.Combine(input, isForAll ? "" : "scripts", Path.GetFileName(template))
            );
        }
    }

    /// <summary>Adds the pages of the API but those for F# alone, finishes all pages, and writes the index for the search and what assistants read.</summary>
    public static IReadOnlyList<string> Finish(
        string repository,
        string output,
        IReadOnlyList<Library> libraries
    )
    {
        File.Delete(Path.Combine(output, "NuGet.config"));
        foreach (
            var other in Directory
                .GetFiles(output, "*.ipynb")
                .Concat(Directory.GetFiles(output, "*.fsx"))
        )
            File.Delete(other); // of pages that aren't scripts
        var docs = Path.Combine(repository, "docs");
        var search = new SearchIndex();
        search.Read(Path.Combine(output, "index.json"), entry => !IsReplaced(entry, libraries));
        WriteApi(output, libraries, search);
        search.Write(Path.Combine(output, "content", "search-index.js"));

        var namespaces = libraries
            .SelectMany(library => library.Types)
            .Select(type => type.Namespace!)
            .Distinct();
        var navigation = new Navigation(docs, namespaces.Order(StringComparer.Ordinal));
        var page = new Page(navigation, RepositoryOf(output));
        foreach (var file in Directory.GetFiles(output, "*.html", SearchOption.AllDirectories))
        {
            var path = Path.GetRelativePath(output, file).Replace('\\', '/');
            File.WriteAllText(file, page.Finish(Inline(File.ReadAllText(file), docs), path));
        }

        WriteForAssistants(repository, output);
        foreach (var file in Directory.GetFiles(output).Where(IsForMachines))
            File.WriteAllText(file, File.ReadAllText(file).Replace(Page.Root, ""));
        return navigation.Mistakes;
    }

    private static bool IsForMachines(string file) =>
        Path.GetExtension(file) is ".md" or ".txt" or ".json";

    // Where assistants look for it: at the root of the site, whose pages it then names.
    private static void WriteForAssistants(string repository, string output)
    {
        var text = File.ReadAllText(Path.Combine(repository, "llms.txt"));
        File.WriteAllText(Path.Combine(output, "llms.txt"), OfDocs().Replace(text, "]($1.html"));
    }

    // Ours are in both languages.
    private static bool IsReplaced(string address, IReadOnlyList<Library> libraries) =>
        libraries
            .Where(library => !library.IsOnlyForFSharp)
            .SelectMany(library => library.Types)
            .Any(type => address.Split('#')[0] == $"reference/{Links.PageOf(type)}");

    private static void WriteApi(
        string output,
        IReadOnlyList<Library> libraries,
        SearchIndex search
    )
    {
        var template = File.ReadAllText(Path.Combine(output, "changelog.html"));
        var links = new Links(libraries);
        var own = libraries.Where(library => !library.IsOnlyForFSharp).ToList();
        var pages = own.SelectMany(library => ApiPages.Of(library, links, search))
            .Concat(ApiPages.OfNamespaces(own, links))
            .Append(ApiPages.Index(libraries));
        foreach (var (name, title, content) in pages)
            File.WriteAllText(
                Path.Combine(output, "reference", name),
                Fill(template, title, content)
            );
    }

    // The page of the changes lends its frame, which fsdocs has filled in.
    private static string Fill(string page, string title, string content)
    {
        var framed = MainElement().Replace(page, _ => $"<main id=\"content\">\n{content}\n</main>");
        return Title().Replace(framed, _ => $"<title>{title} · FunctionalWs</title>");
    }

    private static string RepositoryOf(string output)
    {
        var page = File.ReadAllText(Path.Combine(output, "changelog.html"));
        return Source().Match(page).Groups[1].Value.TrimEnd('/');
    }

    // Drawings are part of their page, so that they follow its colours.
    private static string Inline(string html, string docs) =>
        Drawing()
            .Replace(
                html,
                match =>
                    $"<figure>{File.ReadAllText(Path.Combine(docs, match.Groups[1].Value))}</figure>"
            );

    private static string Readable(string markdown) =>
        Comment().Replace(Fence().Replace(markdown, "```$1"), "");

    private static void Copy(string from, string to)
    {
        if (!Directory.Exists(from))
            return;
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static void NamePackages(string scripts, string repository, string configuration)
    {
        var words = Path.Combine(repository, "build", "Docs", "Notebook", "words.fsx");
        foreach (var script in Directory.GetFiles(scripts, "*.fsx"))
            File.WriteAllText(
                script,
                ScriptReferences.ForSite(
                    File.ReadAllText(script),
                    configuration,
                    File.ReadAllText(words)
                )
            );
    }

    [GeneratedRegex(@"\]\(docs/([\w/-]+)\.(?:md|html)")]
    private static partial Regex OfDocs();

    [GeneratedRegex(@"<!--.*?-->\n?", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^```(\w+)[^\n]*", RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex("<main id=\"content\">.*</main>", RegexOptions.Singleline)]
    private static partial Regex MainElement();

    [GeneratedRegex("<title>.*?</title>", RegexOptions.Singleline)]
    private static partial Regex Title();

    [GeneratedRegex("<a class=\"plain\" href=\"([^\"]*)\"")]
    private static partial Regex Source();

    [GeneratedRegex("<p><img src=\"(img/[^\"]*\\.svg)\"[^>]*></p>")]
    private static partial Regex Drawing();
}
