namespace FunctionalWs;

/// <summary>
/// Chooses a subprotocol in place of the server's order of preference, on the connection's own thread, for each handshake
/// that keeps all other rules (RFC 6455 §1.9).
/// </summary>
/// <param name="connection">The connection, not open yet: it can't send or receive.</param>
/// <param name="offered">What the client offers, in its order of preference; empty when it offers none.</param>
/// <returns>One of those offered; null to choose none and still open the connection.</returns>
/// <exception cref="NegotiationException">The client is answered with 400 and the exception's message.</exception>
public delegate string? SelectSubprotocol(
    ServerConnection connection,
    IReadOnlyList<string> offered
);
