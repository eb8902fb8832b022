using System.Reflection;
using System.Xml.Linq;

namespace FunctionalWs.Docs.Api;

/// <summary>
/// Finds public items without a summary. C#'s compiler warns of them, too; F#'s does not.
/// </summary>
internal static class CommentCheck
{
    public static IEnumerable<string> Missing(Library library) =>
        library
            .Types.SelectMany(type =>
                Library.MembersOf(type).Where(library.IsWritten).Prepend(type)
            )
            .Where(member => !IsCommented(library.CommentOf(member)))
            .Select(member => $"{library.Name}: {library.IdOf(member)} has no summary");

    private static bool IsCommented(XElement? comment) =>
        comment?.Element("inheritdoc") is not null
        || !string.IsNullOrWhiteSpace(comment?.Element("summary")?.Value);
}
