using System.Reflection;
using FunctionalWs.Docs.Api;

namespace FunctionalWs.Docs.Site;

/// <summary>Finds options and close codes that their page doesn't have in a table.</summary>
internal static class TableCheck
{
    public static IEnumerable<string> Missing(string root, IReadOnlyList<Library> libraries)
    {
        var types = libraries.SelectMany(library => library.Types).ToList();
        var options = types.Single(type => type.FullName == "FunctionalWs.ServerOptions");
        var codes = types.Single(type => type.FullName == "FunctionalWs.Protocol.CloseCode");
        return NotIn(root, "docs/options.md", Names(options, BindingFlags.Instance))
            .Concat(NotIn(root, "docs/close-codes.md", Names(codes, BindingFlags.Static)));
    }

    private static IEnumerable<string> Names(Type type, BindingFlags kind) =>
        type.GetProperties(BindingFlags.Public | kind).Select(property => property.Name);

    private static IEnumerable<string> NotIn(string root, string page, IEnumerable<string> names)
    {
        var rows = File.ReadLines(Path.Combine(root, page))
            .Where(line => line.StartsWith('|'))
            .ToList();
        return names
            .Where(name => !rows.Any(row => row.Contains($"`{name}`")))
            .Select(name => $"{page}: no table has a row for {name}");
    }
}
