using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <summary>
/// A rule of a <see cref="UrlMap"/>: paths, and the handler of the connections that ask for them. Paths are written
/// <c>/channel/&lt;uuid:channel_id&gt;</c> or <c>/channel/{channel_id:guid}</c>. Immutable; what is wrong with a rule is found
/// when a map is made of it.
/// </summary>
public sealed record Rule
{
    internal Rule(string pattern, RouteAction action)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        Pattern = pattern;
        Action = action;
    }

    /// <summary>A rule whose handler asks for no values, or finds them in <see cref="ServerConnection.RouteValues"/>.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="handler">Called for each connection on its own thread, as the handler of a server.</param>
    public Rule(string pattern, Action<ServerConnection> handler)
        : this(pattern, RouteAction.Run(handler)) { }

    /// <summary>A rule whose handler gets the values of the path and the defaults.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="handler">Called for each connection on its own thread, as the handler of a server.</param>
    public Rule(string pattern, Action<ServerConnection, RouteValues> handler)
        : this(pattern, RouteAction.Run(handler)) { }

    /// <summary>A rule whose handler is asynchronous, and asks for no values.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="handler">Called for each connection on its own thread, which waits for the task.</param>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public Rule(string pattern, Func<ServerConnection, Task> handler)
        : this(pattern, RouteAction.Run(handler)) { }

    /// <summary>A rule whose handler is asynchronous, and gets the values of the path and the defaults.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="handler">Called for each connection on its own thread, which waits for the task.</param>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public Rule(string pattern, Func<ServerConnection, RouteValues, Task> handler)
        : this(pattern, RouteAction.Run(handler)) { }

    /// <summary>A rule whose connections have a message handler each, as with
    /// <see cref="Server.Serve(Func{ServerConnection, MessageHandler}, string?, int, ServerOptions?)"/>.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="make">Makes a connection's handler for messages, which keeps its state and is called for each of them. What it throws closes the
    /// connection with 1011.</param>
    public Rule(string pattern, Func<ServerConnection, MessageHandler> make)
        : this(pattern, RouteAction.Run(make)) { }

    /// <summary>A rule whose connections have a message handler each, which is made of the values of the path and the defaults.</summary>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    /// <param name="make">Makes a connection's handler for messages, which keeps its state and is called for each of them. What it throws closes the
    /// connection with 1011.</param>
    public Rule(string pattern, Func<ServerConnection, RouteValues, MessageHandler> make)
        : this(pattern, RouteAction.Run(make)) { }

    /// <summary>A rule with one value, which the handler gets with its type.</summary>
    /// <typeparam name="T">The type that the converter gives; checked when a map is made.</typeparam>
    /// <param name="pattern">The paths; with the defaults they have one value.</param>
    /// <param name="handler">Called for each connection on its own thread, as the handler of a server.</param>
    public static Rule For<T>(string pattern, Action<ServerConnection, T> handler) =>
        new(pattern, RouteAction.Run(handler));

    /// <summary>A rule with two values, which the handler gets in their order and with their types.</summary>
    /// <typeparam name="T1">The type of the first value; checked when a map is made.</typeparam>
    /// <typeparam name="T2">The type of the second.</typeparam>
    /// <param name="pattern">The paths; with the defaults, which come last, they have two values.</param>
    /// <param name="handler">Called for each connection on its own thread, as the handler of a server.</param>
    public static Rule For<T1, T2>(string pattern, Action<ServerConnection, T1, T2> handler) =>
        new(pattern, RouteAction.Run(handler));

    /// <summary>A rule with one value and a handler that is asynchronous.</summary>
    /// <typeparam name="T">The type that the converter gives; checked when a map is made.</typeparam>
    /// <param name="pattern">The paths; with the defaults they have one value.</param>
    /// <param name="handler">Called for each connection on its own thread, which waits for the task.</param>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Rule For<T>(string pattern, Func<ServerConnection, T, Task> handler) =>
        new(pattern, RouteAction.Run(handler));

    /// <summary>A rule with two values and a handler that is asynchronous.</summary>
    /// <typeparam name="T1">The type of the first value; checked when a map is made.</typeparam>
    /// <typeparam name="T2">The type of the second.</typeparam>
    /// <param name="pattern">The paths; with the defaults, which come last, they have two values.</param>
    /// <param name="handler">Called for each connection on its own thread, which waits for the task.</param>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Rule For<T1, T2>(string pattern, Func<ServerConnection, T1, T2, Task> handler) =>
        new(pattern, RouteAction.Run(handler));

    /// <summary>A rule with one value, of which each connection's message handler is made.</summary>
    /// <typeparam name="T">The type that the converter gives; checked when a map is made.</typeparam>
    /// <param name="pattern">The paths; with the defaults they have one value.</param>
    /// <param name="make">Makes a connection's handler for messages, which keeps its state and is called for each of them. What it throws closes the
    /// connection with 1011.</param>
    public static Rule For<T>(string pattern, Func<ServerConnection, T, MessageHandler> make) =>
        new(pattern, RouteAction.Run(make));

    /// <summary>A rule with two values, of which each connection's message handler is made.</summary>
    /// <typeparam name="T1">The type of the first value; checked when a map is made.</typeparam>
    /// <typeparam name="T2">The type of the second.</typeparam>
    /// <param name="pattern">The paths; with the defaults, which come last, they have two values.</param>
    /// <param name="make">Makes a connection's handler for messages, which keeps its state and is called for each of them. What it throws closes the
    /// connection with 1011.</param>
    public static Rule For<T1, T2>(
        string pattern,
        Func<ServerConnection, T1, T2, MessageHandler> make
    ) => new(pattern, RouteAction.Run(make));

    /// <summary>A rule that redirects.</summary>
    /// <param name="pattern">The paths, in either notation.</param>
    /// <param name="target">
    /// A path, or a URL that begins with <c>ws://</c>, <c>wss://</c>, <c>http://</c>, <c>https://</c> or <c>//</c>. Values are
    /// written <c>&lt;name&gt;</c> or <c>{name}</c>; they are percent-encoded. The request's query is dropped.
    /// </param>
    public static Rule Redirect(string pattern, string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new(pattern, RouteAction.Redirect(RouteRedirect.NewTemplate(target)));
    }

    /// <summary>A rule that redirects to where a function says.</summary>
    /// <param name="pattern">The paths, in either notation.</param>
    /// <param name="target">
    /// Gives a path or a URL, as above; called by many threads at once. Don't begin a URL with a value: a client would choose
    /// where to go.
    /// </param>
    public static Rule Redirect(string pattern, Func<RouteValues, string> target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return new(pattern, RouteAction.Redirect(RouteRedirect.NewCallback(target)));
    }

    /// <summary>A rule that matches nothing and only builds URLs.</summary>
    /// <param name="pattern">The paths, in either notation.</param>
    /// <param name="endpoint">The name by which URLs are built.</param>
    public static Rule BuildOnly(string pattern, string endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return new(pattern, RouteAction.None) { Endpoint = endpoint };
    }

    /// <summary>The paths, as they were written.</summary>
    public string Pattern { get; init; }

    /// <summary>
    /// The name by which <see cref="UrlMap.Build(string, IReadOnlyDictionary{string, object?})"/> knows the rule; several
    /// rules may share one. Null, the default, for that of the first rule with the same handler, or that rule's pattern.
    /// </summary>
    public string? Endpoint { get; init; }

    /// <summary>
    /// The host on which the rule is to be had, such as <c>example.com</c>, <c>&lt;tenant&gt;.example.com</c> or
    /// <c>example.com:8080</c>; the port counts only where one is written. Null, the default, for all hosts.
    /// </summary>
    public string? Host { get; init; }

    /// <summary>
    /// The subdomain of <see cref="RouterOptions.ServerName"/> on which the rule is to be had, such as <c>api</c> or
    /// <c>&lt;tenant&gt;</c>; empty for the server's name itself. Null, the default, for all hosts.
    /// </summary>
    public string? Subdomain { get; init; }

    /// <summary>
    /// Fixed values for the handler, beside those of the path; empty by default. The rule is the canonical URL for them: see
    /// <see cref="UrlMapOptions.RedirectDefaults"/>.
    /// </summary>
    public IReadOnlyDictionary<string, object> Defaults { get; init; } =
        ImmutableDictionary<string, object>.Empty;

    /// <summary>
    /// True when a slash at the end matters; null, the default, for what <see cref="UrlMapOptions.StrictSlashes"/> says.
    /// </summary>
    public bool? StrictSlashes { get; init; }

    /// <summary>
    /// True when repeated slashes count as one; null, the default, for what <see cref="UrlMapOptions.MergeSlashes"/> says.
    /// </summary>
    public bool? MergeSlashes { get; init; }

    /// <summary>
    /// Asked when the rule is chosen, before its handler runs: who may come here. Null, the default, lets everybody in whom the server's
    /// own <see cref="ServerOptions.ProcessRequest"/> lets in.
    /// </summary>
    public ProcessRequest? ProcessRequest { get; init; }

    /// <summary>
    /// The origins that may connect here, checked as <see cref="ServerOptions.Origins"/> are, in their place; empty for nobody. Null, the
    /// default, for those of the server.
    /// </summary>
    /// <exception cref="ArgumentException">There is null among them: when it is set.</exception>
    public IReadOnlyList<Origin>? Origins
    {
        get;
        init
        {
            ServerOptions.CheckOrigins(value);
            field = value;
        }
    }

    /// <summary>
    /// The size of a message that is received here, as <see cref="ConnectionOptions.MaxMessageSize"/>; null, the default, for that of the
    /// server.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or more than an array can have: when it is set.</exception>
    public int? MaxMessageSize
    {
        get;
        init
        {
            ServerOptions.CheckRange(value ?? 0, 0, Array.MaxLength, nameof(MaxMessageSize));
            field = value;
        }
    }

    /// <summary>True to redirect to the first other rule of the endpoint that takes the values; false by default.</summary>
    public bool IsAlias { get; init; }

    /// <summary>The rules under a path of their own.</summary>
    /// <param name="prefix">What all paths begin with: it begins with a slash; one at its end is dropped.</param>
    /// <param name="rules">The rules, with paths below the prefix.</param>
    /// <exception cref="ArgumentException">The prefix doesn't begin with a slash.</exception>
    public static IReadOnlyList<Rule> Mount(string prefix, params Rule[] rules)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(rules);
        if (!prefix.StartsWith('/'))
            throw new ArgumentException(
                Invariant($"'{prefix}' doesn't begin with a slash."),
                nameof(prefix)
            );
        var path = prefix.TrimEnd('/');
        return [.. rules.Select(rule => rule with { Pattern = path + rule.Pattern })];
    }

    /// <summary>The rules on a subdomain.</summary>
    /// <param name="subdomain">As in <see cref="Subdomain"/>.</param>
    /// <param name="rules">The rules.</param>
    public static IReadOnlyList<Rule> OnSubdomain(string subdomain, params Rule[] rules)
    {
        ArgumentNullException.ThrowIfNull(subdomain);
        ArgumentNullException.ThrowIfNull(rules);
        return [.. rules.Select(rule => rule with { Subdomain = subdomain })];
    }

    internal RouteAction Action { get; }

    /// <summary>The pattern.</summary>
    public override string ToString() => Pattern;
}
