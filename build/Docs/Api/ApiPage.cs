using System.Reflection;
using System.Text;
using System.Xml.Linq;

namespace FunctionalWs.Docs.Api;

/// <summary>The page of a type: its declaration, then all members with everything that their comments say.</summary>
internal sealed class ApiPage(Library library, Links links)
{
    private readonly CommentHtml comments = new(links);
    private readonly Languages languages = new(library, links);

    public string Title(Type type) => $"{type.Name.Split('`')[0]} {CSharpSignature.Kind(type)}";

    /// <summary>The summary of a type or member within a line.</summary>
    public string Summary(MemberInfo member) =>
        comments.Inline(CommentOf(member)?.Element("summary")).Trim();

    public string Of(Type type)
    {
        var comment = CommentOf(type);
        var html = new StringBuilder(
            $"""
            <p class="crumbs"><a href="index.html">API</a> / <a href="{NamespacePage(
                type.Namespace!
            )}">{type.Namespace}</a></p>
            <h1>{type.Name.Split('`')[0]} <small>{languages.Inline(one => one.KindOf(type))}</small></h1>
            {comments.Blocks(comment?.Element("summary"))}
            {languages.Choice}
            {languages.Declaration(one => one.Of(type))}
            <p class="assembly">In the package <code>{library.Name}</code></p>
            {Details(comment)}
            """
        );
        if (type.IsEnum)
            return html.Append(Values(type)).ToString();
        var groups = Links
            .Anchors(type)
            .Where(item => library.IsWritten(item.Member))
            .GroupBy(member => GroupOf(member.Member))
            .OrderBy(group => group.Key)
            .ToList();
        var names = FSharpShape.IsModule(type) ? ModuleGroupNames : MemberGroupNames;
        foreach (var group in groups)
            html.Append(Overview(names[group.Key], group));
        if (groups is not [])
            html.Append("<h2>In detail</h2>");
        foreach (var (anchor, member) in groups.SelectMany(group => group))
            html.Append(Member(anchor, member));
        return html.ToString();
    }

    /// <summary>The page of a namespace: its types, the most used first.</summary>
    public static string OfNamespace(string name, IEnumerable<(Type Type, string Summary)> types)
    {
        var html = new StringBuilder(
            $"<p class=\"crumbs\"><a href=\"index.html\">API</a></p><h1>{name}</h1>"
        );
        foreach (var group in types.GroupBy(one => GroupOf(one.Type)).OrderBy(group => group.Key))
        {
            html.Append($"<h2>{GroupNames[group.Key]}</h2><table class=\"members\">");
            foreach (var (type, summary) in group)
                html.Append(
                    $"<tr><td><a href=\"{Links.PageOf(type)}\">{type.Name.Split('`')[0]}</a></td><td>{summary}</td></tr>"
                );
            html.Append("</table>");
        }

        return html.ToString();
    }

    public static string NamespacePage(string name) =>
        name.ToLowerInvariant().Replace('.', '-') + ".html";

    private static readonly string[] GroupNames =
    [
        "Classes and structs",
        "Modules",
        "Unions",
        "Records",
        "Delegates",
        "Enumerations",
        "Exceptions",
    ];

    private static int GroupOf(Type type) =>
        CSharpSignature.Kind(type) switch
        {
            "delegate" => 4,
            "enum" => 5,
            "exception" => 6,
            _ => FSharpShape.IsModule(type) ? 1
            : FSharpShape.IsUnion(type) ? 2
            : FSharpShape.IsRecord(type) ? 3
            : 0,
        };

    private static readonly string[] MemberGroupNames =
    [
        "Cases",
        "Constructors",
        "Fields",
        "Properties",
        "Methods",
        "Operators",
    ];

    private static readonly string[] ModuleGroupNames =
    [
        .. MemberGroupNames[..2],
        "Constants",
        "Values",
        "Functions",
    ];

    private static int GroupOf(MemberInfo member) =>
        member switch
        {
            _ when FSharpShape.CaseOf(member) is not null => 0,
            ConstructorInfo => 1,
            FieldInfo => 2,
            PropertyInfo => 3,
            _ => Library.IsOperator(member) ? 5 : 4,
        };

    private string Overview(string title, IEnumerable<(string Anchor, MemberInfo Member)> members)
    {
        var rows = members.Select(item =>
            $"<tr><td><a href=\"#{item.Anchor}\"><code>{languages.Inline(one => one.Short(item.Member))}</code></a></td><td>{Summary(item.Member)}</td></tr>"
        );
        return $"<h2>{title}</h2><table class=\"members\">{string.Concat(rows)}</table>";
    }

    private string Values(Type type)
    {
        var rows = type.GetFields(BindingFlags.Public | BindingFlags.Static)
            .Select(field =>
                $"<tr id=\"{field.Name.ToLowerInvariant()}\"><td><code>{languages.Inline(one => one.Of(field))}</code></td><td>{Summary(field)}</td></tr>"
            );
        return $"<h2>Values</h2><table class=\"members\">{string.Concat(rows)}</table>";
    }

    private string Member(string anchor, MemberInfo member)
    {
        var comment = CommentOf(member);
        return $"""
            <section class="member">
            <h3 id="{anchor}"><a class="anchor" href="#{anchor}">{languages.Inline(one =>
                one.Short(member)
            )}</a></h3>
            {languages.Declaration(one => one.Of(member))}
            {comments.Blocks(comment?.Element("summary"))}
            {Details(comment)}
            </section>
            """;
    }

    private string Details(XElement? comment)
    {
        var html = new StringBuilder();
        html.Append(Named("Parameters", comment, "param", "name", text => $"<code>{text}</code>"));
        html.Append(
            Named("Type parameters", comment, "typeparam", "name", text => $"<code>{text}</code>")
        );
        Append("Returns", comment?.Element("returns") ?? comment?.Element("value"));
        html.Append(
            Named("Throws", comment, "exception", "cref", text => $"<code>{links.To(text)}</code>")
        );
        Append("Remarks", comment?.Element("remarks"));
        Append("Example", comment?.Element("example"));
        return html.ToString();

        void Append(string title, XElement? element)
        {
            if (comments.Blocks(element) is { Length: > 0 } blocks)
                html.Append($"<h4>{title}</h4>{blocks}");
        }
    }

    private string Named(
        string title,
        XElement? comment,
        string element,
        string key,
        Func<string, string> show
    )
    {
        var rows = (comment?.Elements(element) ?? [])
            .Select(item =>
                $"<dt>{show(item.Attribute(key)!.Value)}</dt><dd>{comments.Inline(item).Trim()}</dd>"
            )
            .ToList();
        return rows is []
            ? ""
            : $"<h4>{title}</h4><dl class=\"{element}s\">{string.Concat(rows)}</dl>";
    }

    // What is inherited is written at the member that is overridden or implemented.
    private XElement? CommentOf(MemberInfo member)
    {
        var comment = library.CommentOf(member);
        if (comment?.Element("inheritdoc") is null)
            return comment;
        var parents = member.DeclaringType!.GetInterfaces().AsEnumerable();
        if (member.DeclaringType.BaseType is { } parent)
            parents = parents.Prepend(parent);
        return parents
                .SelectMany(type => type.GetMember(member.Name))
                .Select(library.CommentOf)
                .FirstOrDefault(found => found is not null)
            ?? comment;
    }
}
