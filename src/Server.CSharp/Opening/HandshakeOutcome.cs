namespace FunctionalWs;

/// <summary>What became of an opening handshake, in words of which there are few: for the tags of metrics and traces.</summary>
/// <param name="Name">What became of it.</param>
/// <param name="StatusCode">The status of the answer; null when there was none.</param>
/// <param name="Error">What the server's own code threw, or what ended the stream; null for nothing.</param>
internal readonly record struct HandshakeOutcome(string Name, int? StatusCode, Exception? Error)
{
    /// <summary>The <see cref="Name"/> of a handshake that the server's own code spoilt.</summary>
    public const string Failed = "failed";

    /// <summary>TLS could not be agreed on.</summary>
    public static readonly HandshakeOutcome NoTls = new("tls_failed", null, null);

    /// <summary>Nothing was answered.</summary>
    public static HandshakeOutcome Unanswered(Exception? cause) => new("unanswered", null, cause);

    /// <summary>The answer was sent.</summary>
    public static HandshakeOutcome Of(OpeningDecision decision) =>
        new(NameOf(decision), decision.Response?.StatusCode, decision.Failure);

    private static string NameOf(OpeningDecision decision) =>
        decision.IsAccepted ? "accepted"
        : decision.Failure is not null ? Failed
        : decision.Reason.Length > 0 ? "rejected"
        : "answered";
}
