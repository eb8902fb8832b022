using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Sees each response to a request before it is sent, on the connection's own thread: the one that opens the connection,
/// rejections, and what a <see cref="ProcessRequest"/> returned. Not those to bytes that are no request (414, 431), nor 503 of a
/// server that is full or stopping.
/// </summary>
/// <remarks>
/// <para>
/// A response with status 101 may be given further headers, or be replaced by a rejection. An exception, a rejection turned
/// into a 101, and a 101 with other terms than were agreed on are logged as ERROR and answered with 500 without details.
/// </para>
/// <para>Afterwards <c>Connection</c> and <c>Content-Length</c> are made right again.</para>
/// </remarks>
/// <param name="connection">
/// The connection, not open yet: <c>Send</c>, <c>Receive</c>, <c>Ping</c>, <c>Pong</c>, <c>Flush</c> and <c>Close</c> throw
/// <see cref="InvalidOperationException"/> at once and change nothing.
/// </param>
/// <param name="request">The request that is answered.</param>
/// <param name="response">What is about to be sent, complete.</param>
/// <returns>The response to send instead, made from this one by its <c>With</c> members; null to send it as it is.</returns>
public delegate Response? ProcessResponse(
    ServerConnection connection,
    Request request,
    Response response
);
