using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FunctionalWs.Hosting;

/// <summary>Keeps a host from starting when a health check is of a server that there isn't: else the first probe would tell.</summary>
/// <param name="check">The name of the check.</param>
/// <param name="server">The name of the server.</param>
/// <param name="services">The services of the host, complete when it starts.</param>
internal sealed class HealthOfServer(string check, string server, IServiceCollection services)
    : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        string[] names =
        [
            .. services
                .Where(service =>
                    service.ServiceType == typeof(HostedServer) && service.IsKeyedService
                )
                .Select(service => service.ServiceKey)
                .OfType<string>(),
        ];
        return names.Contains(server, StringComparer.Ordinal)
            ? Task.CompletedTask
            : throw new InvalidOperationException(
                Invariant(
                    $"The health check '{check}' is of {Called(server)}, but the host has {Told(names)}."
                )
            );
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static string Told(string[] names) =>
        names.Length == 0
            ? "no WebSocket server"
            : string.Join(" and ", names.Order(StringComparer.Ordinal).Select(Called));

    private static string Called(string name) =>
        name.Length == 0
            ? "the WebSocket server without a name"
            : Invariant($"the WebSocket server '{name}'");
}
