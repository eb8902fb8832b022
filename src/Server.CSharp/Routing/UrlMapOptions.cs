using System.Collections.Immutable;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <summary>Settings of a <see cref="UrlMap"/>. Immutable.</summary>
public sealed record UrlMapOptions
{
    /// <summary>
    /// True, the default, when a slash at the end of a rule matters: without it, a client is redirected to the path with it.
    /// False to let both forms match.
    /// </summary>
    public bool StrictSlashes { get; init; } = true;

    /// <summary>
    /// True, the default, when repeated slashes count as one: a client that writes more is redirected. False to count each.
    /// </summary>
    public bool MergeSlashes { get; init; } = true;

    /// <summary>
    /// True, the default, to redirect from a rule whose values are the <see cref="Rule.Defaults"/> of another rule of the
    /// endpoint to that one.
    /// </summary>
    public bool RedirectDefaults { get; init; } = true;

    /// <summary>
    /// Converters of your own by the names that rules use; none by default. They come before those of the same name that
    /// every rule can use, and take no arguments.
    /// </summary>
    public IReadOnlyDictionary<string, RouteConverter> Converters { get; init; } =
        ImmutableDictionary<string, RouteConverter>.Empty;
}
