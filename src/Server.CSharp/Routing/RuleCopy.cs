namespace FunctionalWs;

/// <summary>Copies of rules with another value, for F#, which has no <c>with</c> for records of C#.</summary>
internal static class RuleCopy
{
    public static Rule Endpoint(Rule options, string? value) => options with { Endpoint = value };

    public static Rule Host(Rule options, string? value) => options with { Host = value };

    public static Rule Subdomain(Rule options, string? value) => options with { Subdomain = value };

    public static Rule Defaults(Rule options, IReadOnlyDictionary<string, object> value) =>
        options with
        {
            Defaults = value,
        };

    public static Rule StrictSlashes(Rule options, bool? value) =>
        options with
        {
            StrictSlashes = value,
        };

    public static Rule MergeSlashes(Rule options, bool? value) =>
        options with
        {
            MergeSlashes = value,
        };

    public static Rule IsAlias(Rule options, bool value) => options with { IsAlias = value };

    public static Rule ProcessRequest(Rule options, ProcessRequest? value) =>
        options with
        {
            ProcessRequest = value,
        };

    public static Rule Origins(Rule options, IReadOnlyList<Origin>? value) =>
        options with
        {
            Origins = value,
        };

    public static Rule MaxMessageSize(Rule options, int? value) =>
        options with
        {
            MaxMessageSize = value,
        };
}
