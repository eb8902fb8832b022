using Microsoft.Extensions.Hosting;

namespace FunctionalWs.Hosting;

/// <summary>Starts a server with the host and stops it with the host.</summary>
internal sealed class ServerService(HostedServer hosted, Func<StartingServer> prepare)
    : IHostedLifecycleService,
        IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private StartingServer? starting;
    private CertificateRenewal? renewal;
    private Task? stopping;

    /// <summary>What is wrong with one of a host's servers is told before another one listens.</summary>
    public Task StartingAsync(CancellationToken cancellationToken) =>
        OnOwnThread(() => starting = prepare());

    public Task StartAsync(CancellationToken cancellationToken) => OnOwnThread(Start);

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// A host stops its services one after another. Its servers all begin before that, so that their clients are told at the
    /// same time, and their handlers take the same time to end.
    /// </summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        stopping = StopWithin(cancellationToken);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) =>
        stopping ??= StopWithin(cancellationToken);

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Where another service failed to start, the host doesn't stop this one, only its container ends.</summary>
    public void Dispose()
    {
        renewal?.Dispose();
        if (!hosted.TryGet(out var server))
            return;
        // The server's clock may be one that stands still.
        using var hurry = new CancellationTokenSource(starting?.ShutdownTimeout ?? Patience);
        server.Shutdown(timeout: starting?.ShutdownTimeout, hurry: hurry.Token);
    }

    private void Start()
    {
        starting ??= prepare();
        var server = starting.Listen();
        hosted.Server = server;
        server.Start();
        renewal = CertificateRenewal.Begin(starting.Options);
    }

    private Task StopWithin(CancellationToken hostTimeout) =>
        hosted.TryGet(out var server)
            ? OnOwnThread(() =>
            {
                renewal?.Dispose();
                server.Shutdown(timeout: starting?.ShutdownTimeout, hurry: hostTimeout);
            })
            : Task.CompletedTask;

    /// <summary>
    /// Resolving a name and waiting for handlers may take long: not on a thread of the host or the pool. What the starting code
    /// has in its context, an activity for one, is no matter of the connections.
    /// </summary>
    private static Task OnOwnThread(Action work)
    {
        using (ExecutionContext.SuppressFlow())
            return Task.Factory.StartNew(
                work,
                CancellationToken.None,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
                TaskScheduler.Default
            );
    }
}
