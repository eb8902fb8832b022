using System.Diagnostics.CodeAnalysis;
using FunctionalWs.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.AspNetCore;

/// <summary>
/// Maps paths to WebSocket handlers. Routing, authentication and authorization are ASP.NET Core's; what comes after the opening handshake
/// is that of any <see cref="ServerConnection"/>. WebSockets come over HTTP/1.1 and over HTTP/2 (RFC 8441).
/// </summary>
public static class WebSocketEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps a path to a handler of connections that may block: it has a thread of its own. Or to one for messages, of
    /// <see cref="MessageHandler.ForEach(Func{ServerConnection, MessageHandler})"/> and the like, without a thread while nothing comes.
    /// </summary>
    /// <param name="endpoints">Where it is added, such as a <see cref="WebApplication"/>.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="handler">
    /// Called for each connection. When it returns, the connection is closed with 1000, when it throws with 1011.
    /// </param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocket(
        this IEndpointRouteBuilder endpoints,
        string pattern,
        Action<ServerConnection> handler,
        string server = ""
    )
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Map(endpoints, pattern, handler, server);
    }

    /// <summary>
    /// Maps a path to a handler that is a task, as with <see cref="MessageHandler.Converse"/>: it has no thread while it waits, asks for
    /// messages by <c>await foreach</c> or <see cref="ServerConnection.ReceiveAsync"/>, and sends by
    /// <see cref="ServerConnection.SendAsync(string, CancellationToken)"/>.
    /// </summary>
    /// <param name="endpoints">Where it is added.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="handler">
    /// Called once for each connection. When its task has ended, the connection is closed with 1000, when it has failed with 1011.
    /// </param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocket(
        this IEndpointRouteBuilder endpoints,
        string pattern,
        Func<ServerConnection, Task> handler,
        string server = ""
    ) => Map(endpoints, pattern, MessageHandler.Converse(handler), server);

    /// <summary>Maps a path to a handler that is called for each message, on the thread pool.</summary>
    /// <param name="endpoints">Where it is added.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="received">Called with the connection and the message. What it throws closes the connection with 1011.</param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocket(
        this IEndpointRouteBuilder endpoints,
        string pattern,
        Action<ServerConnection, Message> received,
        string server = ""
    ) => Map(endpoints, pattern, MessageHandler.ForEach(received), server);

    /// <summary>
    /// Maps a path to an asynchronous handler that is called for each message: the next one of its connection waits for the task, others
    /// don't.
    /// </summary>
    /// <param name="endpoints">Where it is added.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="received">Called with the connection and the message. What it throws closes the connection with 1011.</param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocket(
        this IEndpointRouteBuilder endpoints,
        string pattern,
        Func<ServerConnection, Message, Task> received,
        string server = ""
    ) => Map(endpoints, pattern, MessageHandler.ForEach(received), server);

    /// <summary>
    /// Maps a path to a class that handles connections: each has an instance, made with services of the request's scope, which lives as
    /// long as the connection.
    /// </summary>
    /// <typeparam name="THandler">The class; it needn't be a service itself.</typeparam>
    /// <param name="endpoints">Where it is added.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocket<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IEndpointRouteBuilder endpoints, string pattern, string server = "")
        where THandler : class, IConnectionHandler =>
        Map(endpoints, pattern, RequestServices.Handle<THandler>, server);

    /// <summary>
    /// Maps a path to a class that is called for each message: each connection has an instance, made with services of the request's
    /// scope, which lives as long as the connection.
    /// </summary>
    /// <typeparam name="THandler">The class; it needn't be a service itself.</typeparam>
    /// <param name="endpoints">Where it is added.</param>
    /// <param name="pattern">The path, in ASP.NET Core's notation.</param>
    /// <param name="server">Whose connections they are: a name of <c>AddWebSocketEndpoints</c>.</param>
    /// <exception cref="InvalidOperationException">There is no server of that name.</exception>
    public static IEndpointConventionBuilder MapWebSocketMessages<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IEndpointRouteBuilder endpoints, string pattern, string server = "")
        where THandler : MessageHandler =>
        Map(endpoints, pattern, RequestServices.ForMessages<THandler>(), server);

    private static IEndpointConventionBuilder Map(
        IEndpointRouteBuilder endpoints,
        string pattern,
        Action<ServerConnection> handler,
        string server
    )
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(server);
        var hosted =
            endpoints.ServiceProvider.GetKeyedService<HostedServer>(server)
            ?? throw new InvalidOperationException(
                server.Length == 0
                    ? "MapWebSocket takes builder.Services.AddWebSocketEndpoints() before the application is built."
                    : Invariant(
                        $"There are no WebSocket endpoints '{server}': builder.Services.AddWebSocketEndpoints(\"{server}\") adds them."
                    )
            );
        var endpoint = new WebSocketEndpointDelegate(hosted, handler, new TypedValues(pattern));
        return endpoints
            .MapMethods(pattern, WebSocketEndpointDelegate.Methods, endpoint.Invoke)
            .WithDisplayName(Invariant($"WebSocket {pattern}"));
    }
}
