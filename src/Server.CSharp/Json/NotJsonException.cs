using System.Text.Json;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A message was asked for a value in JSON and has none: it is no JSON, JSON of another shape, or <c>null</c>. What a client sends is
/// its own doing: a handler that doesn't catch this has its connection closed with <see cref="CloseCode"/>, and nothing is recorded
/// as an error. That is so for messages of the handler's own connection; those of others, and those that the application made, are
/// the handler's fault, with 1011. Immutable, so safe from any thread.
/// </summary>
/// <remarks>
/// The text is for logs: it names the application's types. What the client wrote in it is escaped and cut, as it is not in
/// <see cref="JsonException.Path"/>.
/// </remarks>
public sealed class NotJsonException : JsonException
{
    private NotJsonException(string message, CloseCode code, Exception? error, Driver? origin)
        : base(
            message,
            (error as JsonException)?.Path,
            (error as JsonException)?.LineNumber,
            (error as JsonException)?.BytePositionInLine,
            null // its text is the client's, as it came
        )
    {
        CloseCode = code;
        Origin = origin;
    }

    /// <summary>
    /// What the client is told when nobody catches this: 1007 for a text that is no JSON; 1003 for JSON of another shape, and for
    /// bytes that are no JSON (RFC 6455 §7.4.1).
    /// </summary>
    public CloseCode CloseCode { get; }

    /// <summary>The connection that received the message; null when the application made it.</summary>
    internal Driver? Origin { get; }

    /// <param name="misfit">What was wrong with the message.</param>
    /// <param name="kind">What the client said that the message is.</param>
    /// <param name="type">What it should have been.</param>
    /// <param name="origin">The connection that received the message.</param>
    internal static NotJsonException Of(
        JsonMisfit misfit,
        MessageKind kind,
        Type type,
        Driver? origin
    )
    {
        var why = misfit.Error is { } error ? PeerText.Escape(error.Message) : "It is null.";
        var text =
            misfit.IsJson ? Invariant($"The JSON is no {type.Name}: {why}")
            : kind.IsText ? Invariant($"The text is no JSON: {why}")
            : Invariant($"The bytes are no JSON: {why}");
        var code =
            kind.IsText && !misfit.IsJson
                ? CloseCode.InvalidFramePayloadData
                : CloseCode.UnsupportedData;
        return new NotJsonException(text, code, misfit.Error, origin);
    }
}
