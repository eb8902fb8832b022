using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Sees a request before the server judges it, on the connection's own thread.</summary>
/// <param name="connection">The connection, not open yet: it can't send or receive.</param>
/// <param name="request">The request, with any method and target.</param>
/// <returns>The response to send instead of opening the connection; null to go on with the handshake.</returns>
public delegate Response? ProcessRequest(ServerConnection connection, Request request);
