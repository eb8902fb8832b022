using System.Net;
using System.Reflection;
using FunctionalWs.Docs.Site;

namespace FunctionalWs.Docs.Api;

/// <summary>All pages of an assembly, as file name, title and content.</summary>
internal static class ApiPages
{
    // Somebody may look for "receive timeout".
    private static string Parameters(MemberInfo member) =>
        member is MethodInfo method
            ? string.Join(' ', method.GetParameters().Select(parameter => parameter.Name))
            : "";

    public static IEnumerable<(string Name, string Title, string Content)> Of(
        Library library,
        Links links,
        SearchIndex search
    )
    {
        var page = new ApiPage(library, links);
        foreach (var group in library.Types.GroupBy(type => type.Namespace!))
            yield return (
                ApiPage.NamespacePage(group.Key),
                group.Key,
                page.OfNamespace(group.Key, group)
            );
        foreach (var type in library.Types)
        {
            var name = type.Name.Split('`')[0];
            var address = Links.PageOf(type);
            search.Add(name, $"reference/{address}", "C#", page.Summary(type));
            foreach (
                var (anchor, member) in Links
                    .Anchors(type)
                    .Where(item => item.Member is not ConstructorInfo)
            )
                search.Add(
                    $"{name}.{member.Name}",
                    $"reference/{address}#{anchor}",
                    "C#",
                    page.Summary(member),
                    Parameters(member)
                );
            yield return (address, page.Title(type), page.Of(type));
        }
    }

    /// <summary>The start of the API: the packages with their namespaces.</summary>
    public static (string Name, string Title, string Content) Index(
        IReadOnlyList<Library> libraries
    )
    {
        var rows = libraries.SelectMany(library =>
            library
                .Types.Select(type => type.Namespace!)
                .Distinct()
                .Select(name =>
                    $"<tr><td><a href=\"{ApiPage.NamespacePage(name)}\"><code>{name}</code></a></td><td><code>{library.Name}</code></td>"
                    + $"<td>{(library.IsFSharp ? "F#" : "C#")}</td><td>{Description(library)}</td></tr>"
                )
        );
        return (
            "index.html",
            "API",
            "<h1>API</h1><p>Made from the comments in the code. Types of C# are shown in C#, those of F# in F#.</p>"
                + $"<table><thead><tr><th>Namespace</th><th>Package</th><th>In</th><th>What it is</th></tr></thead>{string.Concat(rows)}</table>"
        );
    }

    private static string Description(Library library) =>
        WebUtility.HtmlEncode(
            library.Assembly.GetCustomAttribute<AssemblyDescriptionAttribute>()?.Description ?? ""
        );
}
