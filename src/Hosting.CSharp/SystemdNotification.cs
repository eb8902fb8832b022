using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionalWs.Hosting;

/// <summary>Tells systemd when the host has started and when it begins to stop, as units with <c>Type=notify</c> want.</summary>
internal sealed class SystemdNotification(ILoggerFactory? loggers) : IHostedLifecycleService
{
    /// <summary>Where systemd says to which socket it is told.</summary>
    public const string Variable = "NOTIFY_SOCKET";

    private static readonly EventId Failed = new(3, "SystemdNotTold");

    private readonly ILogger log = new GuardedLogger(
        (loggers ?? NullLoggerFactory.Instance).CreateLogger("FunctionalWs.Hosting")
    );

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>All services have started by then: servers listen.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        Tell("READY=1"u8);
        return Task.CompletedTask;
    }

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        Tell("STOPPING=1"u8);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Tell(ReadOnlySpan<byte> state)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } name)
            return;
        try
        {
            using var socket = new Socket(
                AddressFamily.Unix,
                SocketType.Dgram,
                ProtocolType.Unspecified
            );
            var path = name[0] == '@' ? "\0" + name[1..] : name; // an abstract address has no file
            socket.SendTo(state, new UnixDomainSocketEndPoint(path));
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            // The host can do without; what systemd does then is its unit's matter.
            log.LogError(Failed, error, "systemd can't be told at {Socket}", name);
        }
    }
}
