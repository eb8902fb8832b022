using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Messages as JSON: values go straight into the bytes of a text message, and come straight out of those that were received. The
/// <see cref="JsonTypeInfo{T}"/> is what the compiler generates for a <c>JsonSerializerContext</c>, so that it works in trimmed
/// programs and native AOT, or what <see cref="JsonSerializerOptions"/> give for a type. Safe from any thread, as the connections are.
/// </summary>
public static class JsonMessages
{
    /// <summary>Sends a value as a text message; waits while the peer does not read.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="value">The value; null is sent as <c>null</c>.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <param name="compress">True or false to compress it or not, where that was agreed on; null to go by the settings.</param>
    /// <exception cref="NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="JsonException">The value can't be, such as one in a cycle. Nothing was sent.</exception>
    /// <exception cref="ConcurrencyException">A fragmented message is being sent. Nothing was sent.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <example>
    /// <code>
    /// connection.Send(new Said("hello", 1), Json.Default.Said);
    /// </code>
    /// </example>
    public static void Send<T>(
        this WebSocketConnection connection,
        T value,
        JsonTypeInfo<T> type,
        bool? compress = null
    )
    {
        ArgumentNullException.ThrowIfNull(connection);
        var buffer = new PooledBuffer();
        try
        {
            JsonPayload.Write(buffer, value, type);
            connection.Send(buffer.Written, MessageKind.Text, compress);
        }
        finally
        {
            buffer.Release();
        }
    }

    /// <summary>Waits for the next message and reads a value from it, without an array for the message.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="type">How it is read, its options too.</param>
    /// <param name="timeout">How long at most, as for <see cref="WebSocketConnection.Receive(TimeSpan?, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends the waiting; as with the timeout, nothing is lost.</param>
    /// <returns>The value, never null. It may have come as text or as bytes.</returns>
    /// <exception cref="NotJsonException">
    /// The message is no JSON of that shape, and is lost. Unless the handler catches this, the client is told so, with 1007 or 1003.
    /// </exception>
    /// <exception cref="NotSupportedException">The type can't be read, whatever the client sends; the message is lost.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No complete message came in time.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a message was there.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public static T Receive<T>(
        this WebSocketConnection connection,
        JsonTypeInfo<T> type,
        TimeSpan? timeout = null,
        CancellationToken cancellation = default
    )
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(type);
        T? value = default;
        connection.ReceiveBorrowed(
            (kind, payload) => value = connection.Lend(kind, payload.FirstSpan).Json(type),
            timeout,
            cancellation
        );
        return value!;
    }

    /// <summary>Sends a value as a text message; waits without a thread while the peer does not read.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="value">The value; null is sent as <c>null</c>. It is written before this returns.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <param name="cancellation">Ends the waiting; nothing was sent then.</param>
    /// <exception cref="NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="JsonException">The value can't be, such as one in a cycle. Nothing was sent.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <example>
    /// <code>
    /// await connection.SendAsync(new Said("hello", 1), Json.Default.Said);
    /// </code>
    /// </example>
    public static async ValueTask SendAsync<T>(
        this ServerConnection connection,
        T value,
        JsonTypeInfo<T> type,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(connection);
        var buffer = new PooledBuffer();
        try
        {
            JsonPayload.Write(buffer, value, type);
            await connection.SendAsync(buffer.Payload.First, MessageKind.Text, cancellation);
        }
        finally
        {
            buffer.Release();
        }
    }

    /// <summary>
    /// Waits for the next message without a thread and reads a value from it, in a handler of <see cref="MessageHandler.Converse"/>.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="type">How it is read, its options too.</param>
    /// <param name="cancellation">Ends the waiting; nothing is lost.</param>
    /// <returns>The value, never null. It may have come as text or as bytes.</returns>
    /// <exception cref="NotJsonException">
    /// The message is no JSON of that shape, and is lost. Unless the handler catches this, the client is told so, with 1007 or 1003.
    /// </exception>
    /// <exception cref="NotSupportedException">The type can't be read, whatever the client sends; the message is lost.</exception>
    /// <exception cref="InvalidOperationException">The handler is none of <see cref="MessageHandler.Converse"/>.</exception>
    /// <exception cref="ConcurrencyException">Another call of it waits.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async ValueTask<T> ReceiveAsync<T>(
        this ServerConnection connection,
        JsonTypeInfo<T> type,
        CancellationToken cancellation = default
    )
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(type);
        var message = await connection.ReceiveAsync(cancellation);
        return message.Json(type);
    }

    /// <summary>Reads a value from a message.</summary>
    /// <param name="message">The message, text or bytes.</param>
    /// <param name="type">How it is read, its options too.</param>
    /// <returns>The value, never null; read at each call, so keep it.</returns>
    /// <exception cref="NotJsonException">
    /// The message is no JSON of that shape. Unless the handler catches this, the client is told so, with 1007 or 1003.
    /// </exception>
    /// <exception cref="NotSupportedException">The type can't be read, whatever the client sends.</exception>
    public static T Json<T>(this Message message, JsonTypeInfo<T> type)
        where T : notnull =>
        JsonPayload.TryRead(message.Data.Span, type, out var value, out var misfit)
            ? value
            : throw NotJsonException.Of(misfit, message.Kind, type.Type, message.Origin);

    /// <summary>Reads a value from a lent message, as from one that can be kept.</summary>
    /// <inheritdoc cref="Json{T}(Message, JsonTypeInfo{T})"/>
    public static T Json<T>(this LentMessage message, JsonTypeInfo<T> type)
        where T : notnull =>
        JsonPayload.TryRead(message.Data, type, out var value, out var misfit)
            ? value
            : throw NotJsonException.Of(misfit, message.Kind, type.Type, message.Origin);

    /// <summary>Reads a value from a message that may have none.</summary>
    /// <param name="message">The message, text or bytes.</param>
    /// <param name="type">How it is read, its options too.</param>
    /// <param name="value">The value; the type's default when there is none.</param>
    /// <returns>False when the message is no JSON, JSON of another shape, or <c>null</c>.</returns>
    /// <exception cref="NotSupportedException">The type can't be read, whatever the client sends.</exception>
    public static bool TryJson<T>(
        this Message message,
        JsonTypeInfo<T> type,
        [NotNullWhen(true)] out T? value
    )
        where T : notnull => JsonPayload.TryRead(message.Data.Span, type, out value, out _);

    /// <summary>Reads a value from a lent message that may have none, as from one that can be kept.</summary>
    /// <inheritdoc cref="TryJson{T}(Message, JsonTypeInfo{T}, out T)"/>
    public static bool TryJson<T>(
        this LentMessage message,
        JsonTypeInfo<T> type,
        [NotNullWhen(true)] out T? value
    )
        where T : notnull => JsonPayload.TryRead(message.Data, type, out value, out _);
}
