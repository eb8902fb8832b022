using System.Net;
using System.Text;
using System.Xml.Linq;

namespace FunctionalWs.Docs.Api;

/// <summary>XML comments as HTML.</summary>
internal sealed class CommentHtml(Links links)
{
    /// <summary>The contents of an element as blocks; empty for none.</summary>
    public string Blocks(XElement? element)
    {
        var html = Inline(element).Trim();
        return html.Length == 0 || html.StartsWith("<p>") ? html : $"<p>{html}</p>";
    }

    /// <summary>The contents of an element within a line.</summary>
    public string Inline(XElement? element)
    {
        var html = new StringBuilder();
        foreach (var node in element?.Nodes() ?? [])
            html.Append(
                node is XElement child ? Element(child) : Encode((node as XText)?.Value ?? "")
            );
        return html.ToString();
    }

    private string Element(XElement element) =>
        element.Name.LocalName switch
        {
            "see" or "seealso" => See(element),
            "paramref" or "typeparamref" =>
                $"<code>{Encode(element.Attribute("name")!.Value)}</code>",
            "c" => $"<code>{Encode(element.Value)}</code>",
            "b" => $"<strong>{Inline(element)}</strong>",
            "para" => $"<p>{Inline(element)}</p>",
            "code" => CodeHtml.Block("csharp", Dedent(element.Value)),
            var name => throw new NotSupportedException($"<{name}> in an XML comment: {element}"),
        };

    private string See(XElement element)
    {
        if (element.Attribute("cref") is { } reference)
            return $"<code>{links.To(reference.Value, element.IsEmpty ? null : element.Value)}</code>";
        if (element.Attribute("href") is { } address)
            return $"<a href=\"{Encode(address.Value)}\">{Encode(element.Value)}</a>";
        return $"<code>{Encode(element.Attribute("langword")!.Value)}</code>";
    }

    private static string Dedent(string code)
    {
        var lines = code.Trim('\n', '\r').TrimEnd().Split('\n');
        var indent = lines
            .Where(line => line.Trim() != "")
            .Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length >= indent ? line[indent..] : ""));
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
