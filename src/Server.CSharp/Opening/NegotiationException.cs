namespace FunctionalWs;

/// <summary>
/// Thrown by a <see cref="SelectSubprotocol"/> that can't agree with the client: the client is answered with 400, and its
/// connection is not opened.
/// </summary>
/// <param name="message">Text for the client, in one or more lines.</param>
public sealed class NegotiationException(string message) : Exception(message);
