using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace FunctionalWs.Hosting;

/// <summary>Whether a server lets clients in.</summary>
internal sealed class ServerHealth(HostedServer hosted) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    ) => Task.FromResult(Check(context.Registration.FailureStatus));

    private HealthCheckResult Check(HealthStatus failure)
    {
        var called = ServerName.Called(hosted.Name);
        if (!hosted.TryGet(out var server))
            return new HealthCheckResult(failure, Invariant($"{called} is not started yet."));

        var data = new Dictionary<string, object>
        {
            ["openConnections"] = server.Connections.Count,
            ["maxConnections"] = server.MaxConnections,
        };
        if (server.IsStopping)
            return new HealthCheckResult(
                failure,
                Invariant($"{called} is stopping or stopped."),
                data: data
            );
        return server.Occupied >= server.MaxConnections
            ? HealthCheckResult.Degraded(Invariant($"{called} is full."), data: data)
            : HealthCheckResult.Healthy(Invariant($"{called} lets clients in."), data);
    }
}
