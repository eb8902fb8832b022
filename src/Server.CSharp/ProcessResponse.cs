using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Sees a response before it is sent, on the connection's own thread.</summary>
/// <param name="connection">The connection, not open yet: it can't send or receive.</param>
/// <param name="request">The request that is answered.</param>
/// <param name="response">What is about to be sent.</param>
/// <returns>The response to send instead; null to send it as it is.</returns>
public delegate Response? ProcessResponse(
    ServerConnection connection,
    Request request,
    Response response
);
