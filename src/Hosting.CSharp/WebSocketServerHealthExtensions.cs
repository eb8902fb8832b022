using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace FunctionalWs.Hosting;

/// <summary>Adds the health of WebSocket servers to a host's health checks.</summary>
public static class WebSocketServerHealthExtensions
{
    /// <summary>
    /// Adds a check of a server of this host: healthy while it lets clients in, degraded while it is full, unhealthy before its
    /// start and from when it stops. A server that there isn't keeps the host from starting. Its data are <c>openConnections</c> and <c>maxConnections</c>.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="server">The name that the server was added with; empty for none.</param>
    /// <param name="name">The name of the check; null for <c>websocket</c>, with the server's name behind a hyphen.</param>
    /// <param name="failureStatus">What a server that lets nobody in counts as; null for unhealthy.</param>
    /// <param name="tags">Tags to choose checks by; null for none.</param>
    public static IHealthChecksBuilder AddWebSocketServer(
        this IHealthChecksBuilder builder,
        string server = "",
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(server);
        var check = name ?? (server.Length == 0 ? "websocket" : Invariant($"websocket-{server}"));
        builder.Services.AddSingleton<IHostedService>(
            new HealthOfServer(check, server, builder.Services)
        );
        return builder.Add(
            new HealthCheckRegistration(
                check,
                services => new ServerHealth(
                    services.GetRequiredKeyedService<HostedServer>(server)
                ),
                failureStatus,
                tags
            )
        );
    }
}
