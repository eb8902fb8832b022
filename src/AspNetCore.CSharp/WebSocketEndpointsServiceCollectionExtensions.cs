using FunctionalWs.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.AspNetCore;

/// <summary>Adds what stands behind WebSocket endpoints to the services of a web application.</summary>
public static class WebSocketEndpointsServiceCollectionExtensions
{
    /// <summary>
    /// Adds the server that owns the connections of WebSocket endpoints: their limits, keepalive, metrics and shutdown. It listens nowhere,
    /// Kestrel does. When the host stops, all clients are told 1001, and handlers have until
    /// <see cref="WebSocketServerOptions.ShutdownTimeout"/>. What is about listening, TLS and the request's head has no effect here: that
    /// is Kestrel's.
    /// </summary>
    /// <param name="services">The services of the application.</param>
    /// <param name="name">Tells servers with other settings apart, as <c>MapWebSocket</c> takes it; empty for none.</param>
    /// <returns>To be set up: from configuration, or in code.</returns>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketEndpoints(
        this IServiceCollection services,
        string name = ""
    ) => WebSocketServerServiceCollectionExtensions.AddBehind(services, name);
}
