using System.Net;
using Microsoft.Extensions.Options;

namespace FunctionalWs.Hosting;

/// <summary>Checks a server's settings when the host starts, and tells all that is wrong.</summary>
internal sealed class OptionsValidation(string name) : IValidateOptions<WebSocketServerOptions>
{
    public ValidateOptionsResult Validate(string? optionsName, WebSocketServerOptions options)
    {
        if (optionsName != name)
            return ValidateOptionsResult.Skip;
        string[] failures =
        [
            .. options.Sources.Misread,
            .. Listening(options),
            .. Certificate(options),
            .. Stopping(options),
            .. Settings(options),
        ];
        return failures.Length == 0
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                failures.Select(failure => Invariant($"{ServerName.Called(name)}: {failure}"))
            );
    }

    private static IEnumerable<string> Listening(WebSocketServerOptions options)
    {
        if (options.IsInMemory)
            yield break;
        var ways = Ways(options).ToList();
        if (ways.Count != 1 && options.Sources.Misread.Count == 0)
            yield return Invariant(
                $"It takes one of Port, UnixSocketPath and SystemdSockets to know where to listen, {Found(options, ways)}."
            );
        if (options.Port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            yield return Invariant(
                $"Port is from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}, not {options.Port}."
            );
    }

    private static IEnumerable<(string Setting, object Value)> Ways(WebSocketServerOptions options)
    {
        if (options.Port is { } port)
            yield return (nameof(options.Port), port);
        if (options.UnixSocketPath is { } path)
            yield return (nameof(options.UnixSocketPath), path);
        if (options.SystemdSockets)
            yield return (nameof(options.SystemdSockets), true);
    }

    /// <summary>What there is instead of one way to listen, and where it comes from.</summary>
    private static string Found(
        WebSocketServerOptions options,
        List<(string Setting, object Value)> ways
    )
    {
        if (ways.Count > 0)
            return Invariant(
                $"and there are {string.Join(" and ", ways.Select(way => options.Sources.Describe(way.Setting, way.Value)))}; null takes one away"
            );
        return options.Sources.Empty is [var section, ..]
            ? Invariant($"and the configuration has nothing in the section '{section}'")
            : "and there is none";
    }

    /// <summary>Whoever names files wants TLS: a server without it would not be noticed.</summary>
    private static IEnumerable<string> Certificate(WebSocketServerOptions options)
    {
        var isRead = options is { CertificateDigest: not null, Ssl: not null };
        if (
            options is { Certificate: not null, IsInMemory: false }
            && !isRead
            && options.Sources.Misread.Count == 0
        )
            yield return "Certificate was set, or Ssl taken away, after its files were read: Configure sets it in time, PostConfigure doesn't.";
    }

    private static IEnumerable<string> Stopping(WebSocketServerOptions options)
    {
        if (
            options.ShutdownTimeout <= TimeSpan.Zero
            && options.ShutdownTimeout != Timeout.InfiniteTimeSpan
        )
            yield return Invariant(
                $"ShutdownTimeout is more than zero, not {options.ShutdownTimeout}, or null for the CloseTimeout."
            );
    }

    private static IEnumerable<string> Settings(WebSocketServerOptions options)
    {
        try
        {
            options.ServerOptions.Validate();
            return [];
        }
        catch (Exception error) when (error is ArgumentException or PlatformNotSupportedException)
        {
            return [error.Message.ReplaceLineEndings(" ")];
        }
    }
}
