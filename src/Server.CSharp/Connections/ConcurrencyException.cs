namespace FunctionalWs;

/// <summary>
/// Two calls that can't run at the same time met on one connection, such as two <c>Receive</c>s. The connection and the
/// call that came first are not affected.
/// </summary>
/// <param name="message">Names both calls.</param>
public sealed class ConcurrencyException(string message) : InvalidOperationException(message);
