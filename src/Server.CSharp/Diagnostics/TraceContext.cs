using System.Diagnostics;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The span of the client that a request names, as the process's <see cref="DistributedContextPropagator"/> finds it:
/// <c>traceparent</c> and <c>tracestate</c> by default. What is malformed is ignored.
/// </summary>
internal static class TraceContext
{
    // What everyone has to pass on (W3C Trace Context §3.3.1.5); more is no state but a burden.
    private const int MaxStateLength = 512;

    public static ActivityContext Of(Request request)
    {
        DistributedContextPropagator.Current.ExtractTraceIdAndState(
            request.Headers,
            Get,
            out var parent,
            out var state
        );
        return ActivityContext.TryParse(parent, Checked(state), isRemote: true, out var context)
            ? context
            : default;
    }

    // Several lines of one name are a list (RFC 9110 §5.2), and a list is no parent.
    private static void Get(
        object? carrier,
        string name,
        out string? value,
        out IEnumerable<string>? values
    )
    {
        var lines = ((Headers)carrier!).GetAll(name);
        values = null;
        value = lines.Count == 0 ? null : string.Join(",", lines);
    }

    private static string? Checked(string? state) =>
        state is { Length: <= MaxStateLength }
        && state.All(character => character is >= ' ' and <= '~')
            ? state
            : null;
}
