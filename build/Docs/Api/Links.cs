using System.Net;

namespace FunctionalWs.Docs.Api;

/// <summary>Where an item of the API is described: on a page of ours, or in the documentation of .NET.</summary>
internal sealed class Links
{
    private readonly Dictionary<string, string> addresses = [];

    public Links(IEnumerable<Library> libraries)
    {
        foreach (var library in libraries)
        foreach (var type in library.Types)
        {
            addresses[DocId.Of(type)] = PageOf(type);
            if (library.IsOnlyForFSharp) // whose pages are fsdocs', with anchors of its own
                continue;
            foreach (var (anchor, member) in Anchors(type))
            {
                addresses[DocId.Of(member)] = $"{PageOf(type)}#{anchor}";
                addresses[library.IdOf(member)] = $"{PageOf(type)}#{anchor}";
            }
        }
    }

    /// <summary>The page of a type, relative to the folder of all pages: as fsdocs names it.</summary>
    public static string PageOf(Type type) =>
        type.FullName!.ToLowerInvariant().Replace('.', '-').Replace('+', '-').Replace('`', '-')
        + ".html";

    /// <summary>An anchor for each member, of its name; overloads are numbered.</summary>
    public static IEnumerable<(string Anchor, System.Reflection.MemberInfo Member)> Anchors(
        Type type
    ) =>
        Library
            .MembersOf(type)
            .GroupBy(member =>
                Slug(
                    member is System.Reflection.ConstructorInfo
                        ? "new"
                        : FSharpShape.CaseOf(member) ?? member.Name
                )
            )
            .SelectMany(group =>
                group.Select(
                    (member, index) => (index == 0 ? group.Key : $"{group.Key}-{index + 1}", member)
                )
            );

    private static string Slug(string name) =>
        name.Trim('|').ToLowerInvariant().Replace('.', '-').Replace('|', '-');

    /// <summary>A link to a type or member by its name in XML comments, or only its text.</summary>
    public string To(string id, string? text = null)
    {
        var html = WebUtility.HtmlEncode(text ?? NameIn(id));
        return AddressOf(id) is { } address ? $"<a href=\"{address}\">{html}</a>" : html;
    }

    private string? AddressOf(string id)
    {
        if (addresses.TryGetValue(id, out var own))
            return own;
        var name = id[2..].Split('(')[0];
        // A member of an F# type, or one that isn't public: its type's page.
        var owner = name.Contains('.') ? name[..name.LastIndexOf('.')] : name;
        if (id[0] != 'T' && addresses.TryGetValue("T:" + owner.Replace("#ctor", ""), out var page))
            return page;
        return name.StartsWith("System.") || name.StartsWith("Microsoft.Extensions.")
            ? "https://learn.microsoft.com/dotnet/api/"
                + name.ToLowerInvariant().Replace("``", "`").Replace('`', '-').Replace('#', '-')
            : null;
    }

    /// <summary>What a reader calls an item: <c>Type</c>, or <c>Type.Member</c>.</summary>
    private static string NameIn(string id)
    {
        var parts = id[2..].Split('(', '~')[0].Split('.');
        var name = parts[^1].Split('`')[0];
        if (id[0] == 'T' || parts.Length < 2)
            return name;
        var type = parts[^2].Split('`')[0];
        return name == "#ctor" ? type : $"{type}.{name}";
    }
}
