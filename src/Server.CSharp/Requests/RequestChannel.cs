using System.Buffers;
using System.Text.Json.Serialization.Metadata;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Requests and responses over a connection, both ways and any number at a time, among messages of other kinds. Each has a payload,
/// text or bytes. The wait for a response ends with the response, a timeout, or the end of the connection. Safe from any thread.
/// </summary>
/// <remarks>
/// <para>
/// A request is a message that begins with <c>?</c>, a number in digits and a space, such as <c>?7 {"what":"time"}</c>; its response
/// begins with <c>!7</c> and a space, a failure with <c>-7</c> and a space, before a reason. Each side chooses the numbers of its own requests,
/// from 0 to 2⁶³−1. With text payloads it is a text message, else a binary one.
/// </para>
/// <para>
/// Somebody has to receive, and give each message to <see cref="TryTake(Message, out IncomingRequest?)"/>: usually the handler. So a handler doesn't wait for a response on
/// its own thread, and a handler for messages doesn't return a task that does.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var channel = new RequestChannel(connection);
/// foreach (var message in connection)
///     if (channel.TryTake(message, out var request))
///         request?.Answer($"you asked: {request.Message.Text}");
/// </code>
/// </example>
public sealed partial class RequestChannel
{
    private readonly WebSocketConnection connection;
    private readonly RequestChannelOptions options;
    private readonly PendingRequests<Message> pending;

    /// <summary>Makes a channel. A connection has one.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public RequestChannel(WebSocketConnection connection, RequestChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(connection);
        this.connection = connection;
        this.options = options ?? new RequestChannelOptions();
        this.options.Validate();
        pending = new PendingRequests<Message>(connection);
    }

    /// <summary>The number of requests to the peer that wait for their responses.</summary>
    public int Pending => pending.Count;

    /// <summary>Sends a request and waits for its response, on this thread.</summary>
    /// <param name="request">The payload: text as text, bytes as bytes.</param>
    /// <param name="timeout">
    /// How long at most, by the connection's clock, sending included; zero not to wait, <see cref="Timeout.InfiniteTimeSpan"/> for as long as the
    /// connection lives. Null, the default, for <see cref="RequestChannelOptions.Timeout"/>.
    /// </param>
    /// <returns>The payload of the response, as text or as bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No response came in time. One that comes later is none.</exception>
    /// <exception cref="InvalidOperationException">
    /// This is the thread that receives, or a call of a message handler: the response could never come.
    /// </exception>
    /// <exception cref="RequestFailedException">The peer has answered with a failure.</exception>
    /// <exception cref="ConnectionClosedException">The connection has ended, or is about to, without a response.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. Nothing was sent.</exception>
    public Message Ask(Message request, TimeSpan? timeout = null) =>
        pending.Ask(id => Send(RequestRole.Request, id, request), timeout ?? options.Timeout);

    /// <summary>Sends a request on this thread; the task waits for its response.</summary>
    /// <param name="request">The payload: text as text, bytes as bytes.</param>
    /// <param name="timeout">How long at most, as for <see cref="Ask(Message, TimeSpan?)"/>.</param>
    /// <param name="cancellationToken">Ends the wait, and nothing else: a response that comes later is none.</param>
    /// <returns>The payload of the response, or what <see cref="Ask(Message, TimeSpan?)"/> throws.</returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled: of the task.</exception>
    public Task<Message> AskAsync(
        Message request,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    ) =>
        pending.AskAsync(
            id => Send(RequestRole.Request, id, request),
            timeout ?? options.Timeout,
            cancellationToken
        );

    /// <summary>Sends a request in JSON and waits for its response, on this thread.</summary>
    /// <param name="request">The value; null is sent as <c>null</c>.</param>
    /// <param name="requestType">How it is written, its options too.</param>
    /// <param name="responseType">How the response is read, its options too.</param>
    /// <param name="timeout">How long at most, as for <see cref="Ask(Message, TimeSpan?)"/>.</param>
    /// <returns>The value of the response, never null.</returns>
    /// <exception cref="NotJsonException">The response is no JSON of that shape: see there what becomes of the connection.</exception>
    /// <exception cref="NotSupportedException">One of the types can't be written, or read.</exception>
    /// <inheritdoc cref="Ask(Message, TimeSpan?)" path="/exception"/>
    public TResponse Ask<TRequest, TResponse>(
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResponse> responseType,
        TimeSpan? timeout = null
    )
        where TResponse : notnull
    {
        ArgumentNullException.ThrowIfNull(responseType);
        return pending
            .Ask(
                id => Send(RequestRole.Request, id, request, requestType),
                timeout ?? options.Timeout
            )
            .Json(responseType);
    }

    /// <summary>Sends a request in JSON on this thread; the task waits for its response.</summary>
    /// <param name="request">The value; null is sent as <c>null</c>.</param>
    /// <param name="requestType">How it is written, its options too.</param>
    /// <param name="responseType">How the response is read, its options too.</param>
    /// <param name="timeout">How long at most, as for <see cref="Ask(Message, TimeSpan?)"/>.</param>
    /// <param name="cancellationToken">Ends the wait, and nothing else: a response that comes later is none.</param>
    /// <returns>The value of the response, never null; or what the call that waits throws.</returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled: of the task.</exception>
    public async Task<TResponse> AskAsync<TRequest, TResponse>(
        TRequest request,
        JsonTypeInfo<TRequest> requestType,
        JsonTypeInfo<TResponse> responseType,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
        where TResponse : notnull
    {
        ArgumentNullException.ThrowIfNull(responseType);
        var response = await pending
            .AskAsync(
                id => Send(RequestRole.Request, id, request, requestType),
                timeout ?? options.Timeout,
                cancellationToken
            )
            .ConfigureAwait(connection.Scheduler.IsSimulated);
        return response.Json(responseType);
    }

    internal void Send(RequestRole role, long id, Message payload)
    {
        var buffer = new PooledBuffer();
        try
        {
            RequestFrame.Write(buffer, role, id);
            buffer.Write(payload.Data.Span);
            connection.Send(buffer.Written, payload.Kind);
        }
        finally
        {
            buffer.Release();
        }
    }

    internal void Send<T>(RequestRole role, long id, T value, JsonTypeInfo<T> type)
    {
        var buffer = new PooledBuffer();
        try
        {
            RequestFrame.Write(buffer, role, id);
            JsonPayload.Write(buffer, value, type);
            connection.Send(buffer.Written, MessageKind.Text);
        }
        finally
        {
            buffer.Release();
        }
    }
}
