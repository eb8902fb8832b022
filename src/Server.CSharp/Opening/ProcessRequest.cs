using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Sees each request before the server judges it, on the connection's own thread: to answer plain HTTP, to authenticate, to
/// route. It may take its time: that counts against no timeout and holds up no other connection.
/// </summary>
/// <remarks>
/// <para>
/// The response is completed before it is sent: <c>Date</c> and <c>Server</c> unless it has its own, <c>Connection: close</c>,
/// and a <c>Content-Length</c> that is its body's. HEAD is answered without the body.
/// </para>
/// <para>
/// An exception, or a response with status 101, is logged as ERROR and answered with 500 without details. The request can't be
/// changed; what the handler should know is kept in <see cref="WebSocketConnection.Items"/> or
/// <see cref="ServerConnection.User"/>.
/// </para>
/// </remarks>
/// <param name="connection">
/// The connection, not open yet: <c>Send</c>, <c>Receive</c>, <c>Ping</c>, <c>Pong</c>, <c>Flush</c> and <c>Close</c> throw
/// <see cref="InvalidOperationException"/> at once and change nothing.
/// </param>
/// <param name="request">The request, with any method and target, of HTTP/1.1 or HTTP/1.0.</param>
/// <returns>
/// The response to send instead of opening the connection; null, which is <see cref="Response.None"/>, to go on with the
/// handshake.
/// </returns>
public delegate Response? ProcessRequest(ServerConnection connection, Request request);
