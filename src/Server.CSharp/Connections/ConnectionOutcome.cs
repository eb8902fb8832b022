using System.Globalization;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>How a connection ended, in words of which there are few: for the tags of metrics and traces.</summary>
/// <param name="CloseCode">
/// The code by which the closing began, 1006 for none; <see cref="Other"/> for those that no standard defines.
/// </param>
/// <param name="Initiator">Which side began to close it; null for neither.</param>
/// <param name="ErrorType">What went wrong; null for nothing.</param>
internal readonly record struct ConnectionOutcome(
    string CloseCode,
    string? Initiator,
    string? ErrorType
)
{
    /// <summary>What stands for all values that are not known beforehand.</summary>
    public const string Other = "_OTHER";

    /// <param name="ending">How the connection ended; null where that is not known.</param>
    /// <param name="failure">What the handler threw; null for nothing.</param>
    /// <param name="role">Which side this is.</param>
    public static ConnectionOutcome Of(Ending? ending, Exception? failure, Role role)
    {
        var isPeers = ending?.ReceivedFirst ?? ending is { Received: not null, Sent: null };
        var first = isPeers ? ending?.Received : ending?.Sent;
        var code = TextOf(first?.Number ?? 1006);
        return new(
            code,
            first is null ? null
                : isPeers == role.IsServer ? "client"
                : "server",
            ErrorTypeOf(ending, failure, code)
        );
    }

    private static string? ErrorTypeOf(Ending? ending, Exception? failure, string code) =>
        failure is null && ending is { IsOk: true }
            ? null
            : (failure ?? ending?.Cause)?.GetType().FullName ?? code;

    private static string TextOf(int code) =>
        code is >= 1000 and <= 1003 or >= 1005 and <= 1014
            ? code.ToString(CultureInfo.InvariantCulture)
            : Other;
}
