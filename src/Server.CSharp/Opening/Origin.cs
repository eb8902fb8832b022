using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// An origin, or a pattern of origins, that may connect (RFC 6454 §6.2, RFC 6455 §10.2). Strings and regular expressions are
/// converted by themselves: <c>Origins = ["https://example.com", new Regex(@"https://[a-z]+\.example\.com"), Origin.None]</c>.
/// Immutable.
/// </summary>
public sealed class Origin
{
    /// <summary>How long a pattern may look at one origin; after that the origin does not match. 50 milliseconds.</summary>
    public static readonly TimeSpan MatchTimeout = TimeSpan.FromMilliseconds(50);

    private readonly string text;

    private Origin(string text, OriginRule rule)
    {
        this.text = text;
        Rule = rule;
    }

    /// <summary>A request without an origin, as programs that aren't browsers send it.</summary>
    public static Origin None { get; } = new("none", OriginRule.Absent);

    internal OriginRule Rule { get; }

    /// <summary>Exactly this origin.</summary>
    /// <param name="origin">
    /// Such as <c>https://example.com</c>: compared with every character, case included; not empty.
    /// </param>
    /// <exception cref="ArgumentException">
    /// It is nothing that a browser sends, so that it would never match: empty, without a scheme, with a path, a wildcard, the
    /// scheme's own port, a capital letter in scheme or host, or a letter that isn't ASCII; or it has a character that no header can
    /// have.
    /// </exception>
    public static Origin Exact(string origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        if (origin.Length == 0)
            throw new ArgumentException(
                "An origin is not empty: requests without one are Origin.None, in a configuration \"none\".",
                nameof(origin)
            );
        if (!HeaderSyntax.IsValue(origin) && Spelled(origin) is null)
            throw new ArgumentException(
                Invariant(
                    $"The origin '{PeerText.Escape(origin)}' has a character that no header can have."
                ),
                nameof(origin)
            );
        if (WhyNever(origin) is { } why)
            throw new ArgumentException(
                Invariant($"The origin '{PeerText.Escape(origin)}' would never match: {why}."),
                nameof(origin)
            );
        return new(origin, OriginRule.NewExact(origin));
    }

    /// <summary>Why no browser sends this (RFC 6454 §6.2); null when one may.</summary>
    private static string? WhyNever(string origin)
    {
        if (origin is "null" or "file://")
            return null; // a page without an origin, and one from a file in some browsers
        var scheme = origin.IndexOf("://", StringComparison.Ordinal);
        if (scheme <= 0)
            return origin.Contains('*')
                ? "there are no wildcards; leave Origins null to let everybody in"
                : Invariant($"it has no scheme, as in https://{origin}");
        var host = origin.AsSpan(scheme + 3);
        return host.Contains('*') ? "there are no wildcards: use a regular expression"
            : host.ContainsAny("/?#@") ? "an origin has no path: it ends with the host, or the port"
            : host.IsEmpty ? "it has no host"
            : HasOwnPort(origin) ? "a browser leaves out the port that the scheme has by itself"
            : Spelled(origin) is { } spelled ? Invariant($"a browser sends {spelled}")
            : null;
    }

    /// <summary>What a browser sends for an origin with capitals, or letters that aren't ASCII; null where that is no question.</summary>
    private static string? Spelled(string origin)
    {
        var isPlain = Ascii.IsValid(origin) && !origin.AsSpan().ContainsAnyInRange('A', 'Z');
        if (
            isPlain
            || !Uri.TryCreate(origin, UriKind.Absolute, out var uri)
            || uri.Scheme is not ("http" or "https")
        )
            return null; // hosts of other schemes are as their programs write them
        var host = uri.HostNameType == UriHostNameType.Dns ? uri.IdnHost : uri.Host;
        var port = uri.IsDefaultPort ? "" : Invariant($":{uri.Port}");
        return Invariant($"{uri.Scheme}://{host}{port}");
    }

    private static bool HasOwnPort(string origin) =>
        origin.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            && origin.EndsWith(":80", StringComparison.Ordinal)
        || origin.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
            && origin.EndsWith(":443", StringComparison.Ordinal);

    /// <summary>
    /// Every origin that a regular expression matches from its first to its last character. A match that takes longer than
    /// <see cref="MatchTimeout"/>, or than the expression's own time, counts as none. A request without an origin never matches.
    /// </summary>
    /// <param name="pattern">The expression. Its options hold.</param>
    public static Origin Matching(Regex pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var whole = Whole(pattern);
        return new(
            Invariant($"/{pattern}/"),
            OriginRule.NewMatching(origin => IsMatch(whole, origin))
        );
    }

    /// <summary>Exactly this origin.</summary>
    /// <param name="origin">As for <see cref="Exact"/>.</param>
    public static implicit operator Origin(string origin) => Exact(origin);

    /// <summary>Every origin that the expression matches as a whole.</summary>
    /// <param name="pattern">As for <see cref="Matching"/>.</param>
    public static implicit operator Origin(Regex pattern) => Matching(pattern);

    /// <summary>The origin, the expression between slashes, or <c>none</c>.</summary>
    public override string ToString() => text;

    private static bool IsMatch(Regex whole, string origin)
    {
        try
        {
            return whole.IsMatch(origin);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    /// <summary>
    /// The expression, bound to the whole of its input. Comparing a match's length would miss the shorter of two
    /// alternatives, and <c>$</c> would let a line's end through.
    /// </summary>
    private static Regex Whole(Regex pattern)
    {
        var timeout = pattern.MatchTimeout;
        var limit = timeout > TimeSpan.Zero && timeout < MatchTimeout ? timeout : MatchTimeout;
        try
        {
            return new Regex(Invariant($@"\A(?:{pattern})\z"), pattern.Options, limit);
        }
        catch (RegexParseException)
        {
            // It ends in a comment, which a line's end closes.
            return new Regex(Invariant($"\\A(?:{pattern}\n)\\z"), pattern.Options, limit);
        }
    }
}
