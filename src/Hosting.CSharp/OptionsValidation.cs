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
            .. options.Misread,
            .. Listening(options),
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
        bool[] ways =
        [
            options.Port is not null,
            options.UnixSocketPath is not null,
            options.SystemdSockets,
        ];
        if (ways.Count(isTaken => isTaken) != 1 && options.Misread.Count == 0)
            yield return "It takes one of Port, UnixSocketPath and SystemdSockets to know where to listen.";
        if (options.Port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            yield return Invariant(
                $"Port is from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}, not {options.Port}."
            );
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
