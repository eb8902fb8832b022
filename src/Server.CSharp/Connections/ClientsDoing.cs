using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Why the application's code has thrown, when its client has brought that about: no error of the server's, however often it was
/// wrapped on its way. Told by which call of ours threw it.
/// </summary>
/// <param name="Code">What the connection is closed with.</param>
/// <param name="Reason">What the client did; null when it, or the server, has only ended the connection.</param>
internal sealed record ClientsDoing(CloseCode Code, string? Reason)
{
    private static readonly ClientsDoing Ended = new(CloseCode.NormalClosure, null);

    /// <param name="error">What the application's code has thrown.</param>
    /// <param name="driver">The connection that it was called for.</param>
    /// <returns>Null when it is the application's own.</returns>
    public static ClientsDoing? Of(Exception error, Driver driver) =>
        error switch
        {
            ConnectionClosedException end => end.Origin == driver ? Ended : null,
            OperationCanceledException canceled when IsEnd(canceled, driver) => Ended,
            NoMessageException late when late.Origin == driver => new(
                CloseCode.PolicyViolation,
                late.Message
            ),
            NotTextException text when text.Origin == driver => new(
                text.Kind.IsText ? CloseCode.InvalidFramePayloadData : CloseCode.UnsupportedData,
                text.Message
            ),
            NotJsonException json when json.Origin == driver => new(json.CloseCode, json.Message),
            RequestFailedException no when no.Origin == driver => new(
                CloseCode.PolicyViolation,
                no.Message
            ),
            AggregateException { InnerExceptions: { Count: > 0 } all } => OfAll(all, driver),
            { InnerException: { } cause } => Of(cause, driver),
            _ => null,
        };

    /// <summary>One fault of the application's among them is one too many.</summary>
    private static ClientsDoing? OfAll(IEnumerable<Exception> errors, Driver driver)
    {
        ClientsDoing? found = null;
        foreach (var error in errors)
        {
            if (Of(error, driver) is not { } doing)
                return null;
            found = found?.Reason is null ? doing : found;
        }
        return found;
    }

    /// <summary>A wait for the connection's end, or for that and something else, as with linked tokens.</summary>
    private static bool IsEnd(OperationCanceledException canceled, Driver driver) =>
        driver.NotOpen.IsCancellationRequested
        && canceled.CancellationToken.IsCancellationRequested;
}

/// <summary>A connection's own call has waited in vain for a message: what a client that says nothing brings about.</summary>
internal sealed class NoMessageException(string message, Driver origin) : TimeoutException(message)
{
    /// <summary>The connection that was waited on.</summary>
    public Driver Origin => origin;
}
