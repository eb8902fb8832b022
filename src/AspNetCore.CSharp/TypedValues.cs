using System.Globalization;
using FunctionalWs.Routing;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace FunctionalWs.AspNetCore;

/// <summary>
/// The values of a path as <see cref="ServerConnection.RouteValues"/> has them: of the type that the pattern's constraint says, where
/// ASP.NET Core keeps text.
/// </summary>
/// <param name="pattern">The endpoint's pattern.</param>
internal sealed class TypedValues(string pattern)
{
    private readonly Dictionary<string, Func<string, object?>> readers = Readers(pattern);

    public RouteValues Of(RouteValueDictionary values) =>
        values.Count == 0
            ? RouteValues.Empty
            : RouteValues.Create(
                from value in values
                where value.Value is not null
                select KeyValuePair.Create(value.Key, Read(value.Key, value.Value!))
            );

    private object Read(string name, object value) =>
        value is string text && readers.TryGetValue(name, out var read)
            ? read(text) ?? value
            : value;

    private static Dictionary<string, Func<string, object?>> Readers(string pattern)
    {
        var found = new Dictionary<string, Func<string, object?>>(StringComparer.OrdinalIgnoreCase);
        foreach (var parameter in RoutePatternFactory.Parse(pattern).Parameters)
        {
            foreach (var policy in parameter.ParameterPolicies)
            {
                if (ReaderOf(policy.Content) is { } reader)
                    found[parameter.Name] = reader;
            }
        }
        return found;
    }

    private static Func<string, object?>? ReaderOf(string? constraint) =>
        constraint switch
        {
            "int" => text =>
                int.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : null,
            "long" => text =>
                long.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : null,
            "double" => text =>
                double.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : null,
            "guid" => text => Guid.TryParse(text, out var value) ? value : null,
            "bool" => text => bool.TryParse(text, out var value) ? value : null,
            _ => null,
        };
}
