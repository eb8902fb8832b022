using System.Net;
using System.Reflection;
using FunctionalWs.Docs.Site;

namespace FunctionalWs.Docs.Api;

/// <summary>The pages of the API, as file name, title and content.</summary>
internal static class ApiPages
{
    /// <summary>A page for each namespace, which may be in several assemblies.</summary>
    public static IEnumerable<(string Name, string Title, string Content)> OfNamespaces(
        IEnumerable<Library> libraries,
        Links links
    ) =>
        libraries
            .SelectMany(library =>
            {
                var page = new ApiPage(library, links);
                return library.Types.Select(type => (Type: type, Summary: page.Summary(type)));
            })
            .GroupBy(one => one.Type.Namespace!)
            .Select(group =>
                (
                    ApiPage.NamespacePage(group.Key),
                    group.Key,
                    ApiPage.OfNamespace(
                        group.Key,
                        group.OrderBy(one => one.Type.Name, StringComparer.Ordinal)
                    )
                )
            );

    // Somebody may look for "receive timeout", or for what C# has another name for.
    private static string Words(MemberInfo member) =>
        string.Join(
            ' ',
            (member as MethodInfo)
                ?.GetParameters()
                .Select(parameter => parameter.Name)
                .Append(FSharpShape.NameOf(member))
                ?? []
        );

    /// <summary>A page for each type of an assembly.</summary>
    public static IEnumerable<(string Name, string Title, string Content)> Of(
        Library library,
        Links links,
        SearchIndex search
    )
    {
        var page = new ApiPage(library, links);
        var kind = library.IsFSharp ? "C#, F#" : "C#";
        foreach (var type in library.Types)
        {
            var name = type.Name.Split('`')[0];
            var address = Links.PageOf(type);
            search.Add(name, $"reference/{address}", kind, page.Summary(type));
            foreach (
                var (anchor, member) in Links
                    .Anchors(type)
                    .Where(item => item.Member is not ConstructorInfo)
            )
                search.Add(
                    $"{name}.{FSharpShape.CaseOf(member) ?? member.Name}",
                    $"reference/{address}#{anchor}",
                    kind,
                    page.Summary(member),
                    Words(member)
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
                    + $"<td>{In(library)}</td><td>{Description(library)}</td></tr>"
                )
        );
        return (
            "index.html",
            "API",
            "<h1>API</h1><p>Made from the comments in the code. Types of C# are shown in C#, those of F# in both languages, or in F# where they are for F# alone.</p>"
                + $"<table><thead><tr><th>Namespace</th><th>Package</th><th>In</th><th>What it is</th></tr></thead>{string.Concat(rows)}</table>"
        );
    }

    private static string In(Library library) =>
        library.IsOnlyForFSharp ? "F#"
        : library.IsFSharp ? "C#, F#"
        : "C#";

    private static string Description(Library library) =>
        WebUtility.HtmlEncode(
            library.Assembly.GetCustomAttribute<AssemblyDescriptionAttribute>()?.Description ?? ""
        );
}
