using System.Collections;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// The rules of a <see cref="Router"/>, checked and made ready when the map is made. Their order doesn't matter, unless two
/// weigh the same: the more particular rule comes first. Immutable; all members may be called from any thread.
/// </summary>
/// <example>
/// <code>
/// UrlMap map =
/// [
///     new Rule("/", Home),
///     Rule.For&lt;Guid&gt;("/channel/&lt;uuid:channel_id&gt;", (connection, channelId) => …),
///     .. Rule.Mount("/admin", new Rule("/log", Log)),
/// ];
/// </code>
/// </example>
[CollectionBuilder(typeof(UrlMap), nameof(Create))]
public sealed class UrlMap : IReadOnlyList<Rule>
{
    private readonly Rule[] rules;
    private readonly UrlMapOptions options;

    /// <summary>Makes a map.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// A rule can't be read, is never reached, or has a handler that takes other values. The message names the rule.
    /// </exception>
    public UrlMap(IEnumerable<Rule> rules, UrlMapOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rules);
        this.rules = rules.ToArray();
        this.options = options ?? new UrlMapOptions();
        Table = new RuleCompiler(this.options).Compile(this.rules);
    }

    /// <summary>Makes a map with default settings, as collection expressions do.</summary>
    /// <param name="rules">The rules.</param>
    /// <exception cref="ArgumentException">A rule is wrong; the message names it.</exception>
    public static UrlMap Create(ReadOnlySpan<Rule> rules) => new(rules.ToArray());

    internal RouteTable Table { get; }

    /// <summary>How many rules there are.</summary>
    public int Count => rules.Length;

    /// <summary>A rule, in the order in which they were given.</summary>
    /// <param name="index">0 to <see cref="Count"/> − 1.</param>
    public Rule this[int index] => rules[index];

    /// <summary>A map with one rule more. This one stays as it is.</summary>
    /// <param name="rule">The rule.</param>
    /// <exception cref="ArgumentException">The rule is wrong.</exception>
    public UrlMap With(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return new UrlMap([.. rules, rule], options);
    }

    /// <summary>Builds the path of an endpoint, percent-encoded.</summary>
    /// <param name="endpoint">As in <see cref="Rule.Endpoint"/>.</param>
    /// <param name="values">
    /// The values by name, of the types that the converters give. Those that the rule has no place for become the query; null
    /// ones are left out.
    /// </param>
    /// <exception cref="UrlBuildException">The endpoint isn't known, or the values don't suit its rules.</exception>
    public string Build(string endpoint, IReadOnlyDictionary<string, object?>? values = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return Result(
            Table.BuildPath(
                endpoint,
                ToRouteValues(values ?? ImmutableDictionary<string, object?>.Empty)
            )
        );
    }

    /// <summary>Builds the path of an endpoint, percent-encoded.</summary>
    /// <param name="endpoint">As in <see cref="Rule.Endpoint"/>.</param>
    /// <param name="values">Names and values, as above.</param>
    /// <exception cref="UrlBuildException">The endpoint isn't known, or the values don't suit its rules.</exception>
    public string Build(string endpoint, params (string Name, object? Value)[] values) =>
        Build(endpoint, ToDictionary(values));

    /// <summary>Builds the absolute URL of an endpoint, percent-encoded.</summary>
    /// <param name="server">
    /// Scheme, host and port of the server, such as <c>wss://example.com</c>: <c>wss</c> and <c>https</c> make secure URLs.
    /// Rules with a host of their own have that instead, subdomains are put before it.
    /// </param>
    /// <param name="endpoint">As in <see cref="Rule.Endpoint"/>.</param>
    /// <param name="values">Names and values, as above.</param>
    /// <exception cref="ArgumentException">The server's URL is not absolute.</exception>
    /// <exception cref="UrlBuildException">The endpoint isn't known, or the values don't suit its rules.</exception>
    public string Build(Uri server, string endpoint, params (string Name, object? Value)[] values)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(endpoint);
        if (!server.IsAbsoluteUri)
            throw new ArgumentException(
                Invariant($"'{server}' is not an absolute URL."),
                nameof(server)
            );
        var start = new RouteBase(server.Authority, server.Scheme is "wss" or "https");
        return Result(Table.BuildUrl(start, endpoint, ToRouteValues(ToDictionary(values))));
    }

    /// <summary>The rules, in the order in which they were given.</summary>
    public IEnumerator<Rule> GetEnumerator() => ((IEnumerable<Rule>)rules).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => rules.GetEnumerator();

    private static Dictionary<string, object?> ToDictionary((string Name, object? Value)[] values)
    {
        var all = new Dictionary<string, object?>();
        foreach (var (name, value) in values)
            all.Add(name, value);
        return all;
    }

    private static RouteValues ToRouteValues(IEnumerable<KeyValuePair<string, object?>> values) =>
        RouteValues.Create(values.Where(pair => pair.Value is not null)!);

    private static string Result(FSharpResult<string, RouteBuildError> built) =>
        built.IsOk
            ? built.ResultValue
            : throw new UrlBuildException(Invariant($"{built.ErrorValue}"));
}
