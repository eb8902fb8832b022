using FunctionalWs.Protocol;
using FunctionalWs.Routing;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>Makes the core's table of a map's rules.</summary>
internal sealed class RuleCompiler(UrlMapOptions options)
{
    public RouteTable Compile(IReadOnlyList<Rule> rules)
    {
        if (rules.Any(rule => rule is null))
            throw Wrong("One of the rules is null.");
        var compiled = rules.Select(rule => Compile(rule, EndpointOf(rule, rules))).ToList();
        var table = RouteTable.Create(options.RedirectDefaults, compiled);
        return table.IsOk ? table.ResultValue : throw Wrong(Invariant($"{table.ErrorValue}"));
    }

    private RouteRule Compile(Rule rule, string endpoint)
    {
        if (rule.Defaults.FirstOrDefault(pair => pair.Value is null) is { Key: { } name })
            throw Wrong(Invariant($"The rule '{rule}' has null as its default for '{name}'."));
        var pattern = Parsed(RoutePattern.ParseWith(options.Converters, rule.Pattern));
        var compiled = RouteRule
            .Create(endpoint, pattern)
            .WithScope(ScopeOf(rule))
            .WithDefaults(RouteValues.Create(rule.Defaults))
            .WithSlashes(
                rule.StrictSlashes ?? options.StrictSlashes,
                rule.MergeSlashes ?? options.MergeSlashes
            );
        if (rule.IsAlias)
            compiled = compiled.AsAlias();
        if (ReferenceEquals(rule.Action, RouteAction.None))
            compiled = compiled.AsBuildOnly();
        if (rule.Action.RedirectTo is { } redirect)
            compiled = compiled.WithRedirect(redirect);
        if (rule.Action.Mismatch(TypesOf(compiled)) is { } mismatch)
            throw Wrong(Invariant($"The rule '{rule}' {mismatch}."));
        return compiled;
    }

    /// <summary>Rules with one handler are of one endpoint.</summary>
    private static string EndpointOf(Rule rule, IReadOnlyList<Rule> rules)
    {
        if (rule.Endpoint is { } name)
            return name;
        if (rule.Action.Origin is not { } handler)
            return rule.Pattern;
        var first = rules.First(other => handler.Equals(other.Action.Origin));
        return first.Endpoint ?? first.Pattern;
    }

    private RouteScope ScopeOf(Rule rule) =>
        (rule.Host, rule.Subdomain) switch
        {
            (null, null) => RouteScope.AnyHost,
            ({ } host, null) => RouteScope.NewHost(ParseHost(host)),
            (null, { } subdomain) => RouteScope.NewSubdomain(ParseHost(subdomain)),
            _ => throw Wrong(Invariant($"The rule '{rule}' has both a Host and a Subdomain.")),
        };

    private RoutePattern ParseHost(string text) =>
        Parsed(RoutePattern.ParseHost(options.Converters, text));

    /// <summary>The types of the values that a handler gets, in their order.</summary>
    private static Type[] TypesOf(RouteRule rule) =>
        [
            .. rule.Scope switch
            {
                RouteScope.Host host => host.Pattern.ValueTypes,
                RouteScope.Subdomain subdomain => subdomain.Pattern.ValueTypes,
                _ => [],
            },
            .. rule.Pattern.ValueTypes,
            .. rule.Defaults.Values.Select(value => value.GetType()),
        ];

    private static RoutePattern Parsed(FSharpResult<RoutePattern, RouteSyntaxError> parsed) =>
        parsed.IsOk ? parsed.ResultValue : throw Wrong(Invariant($"{parsed.ErrorValue}"));

    private static ArgumentException Wrong(string message) => new(message, "rules");
}
