using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <content>A server as all of a program.</content>
public sealed partial class Server
{
    // Long enough for a program that makes its server and has more to do before it starts.
    private static readonly TimeSpan TimeToStart = TimeSpan.FromSeconds(5);

    private volatile bool isHurried; // told to end twice
    private ITimer? forgotten; // until it is started

    /// <summary>The port on which the server listens, the first if there are several. Known after it has stopped, too.</summary>
    /// <exception cref="InvalidOperationException">It has none: it listens on a Unix socket.</exception>
    public int Port =>
        LocalEndPoints.OfType<IPEndPoint>().FirstOrDefault()?.Port
        ?? throw new InvalidOperationException(
            Invariant($"The server has no port: it listens on {LocalEndPoint}.")
        );

    /// <summary>
    /// Serves until the process is told to end, by SIGTERM, Ctrl+C (SIGINT) or Ctrl+\ (SIGQUIT), or until somebody shuts the server
    /// down; SIGHUP is left to the program. Then connections are told 1001 and have their time; a second signal cuts what is
    /// left at once. To be called instead of <see cref="Start"/>, as the last thing of a program.
    /// </summary>
    /// <param name="timeout">How long connections have, as for <see cref="Shutdown"/>.</param>
    /// <returns>A program's exit code: 0, or 1 when a second signal cut it short.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite. Nothing happened.</exception>
    /// <example>
    /// <code>
    /// using var server = Server.Serve(Echo, "localhost", 8765);
    /// return server.Run();
    /// </code>
    /// </example>
    public int Run(TimeSpan? timeout = null)
    {
        _ = WaitingTime.Checked(timeout, nameof(timeout));
        var signals = 0;
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        // The first process of a container is not ended by what it doesn't handle.
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Stop);
        ServeForever();
        return Volatile.Read(ref signals) > 1 ? 1 : 0;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true; // shutting down takes a moment
            isHurried = Interlocked.Increment(ref signals) > 1; // also when somebody else has begun
            Guard.Run(() => Shutdown(timeout: timeout)); // it may still come when this has returned
        }
    }

    /// <summary>Tells an operator once when a client waits for a server that nobody has started.</summary>
    private void LookForClients() =>
        forgotten = options.TimeProvider.CreateTimer(
            static server => Guard.Run(((Server)server!).Look),
            this,
            TimeToStart,
            TimeToStart
        );

    private bool IsStarted
    {
        get
        {
            using (gate.HoldMonitor())
                return phase != Phase.NotStarted;
        }
    }

    private void Look()
    {
        if (IsStarted)
            return;
        var waiting = listeners.FirstOrDefault(each => each.Socket.Poll(0, SelectMode.SelectRead));
        if (waiting is null || IsStarted)
            return;
        forgotten?.Dispose();
        log.NotStarted(waiting.LocalEndPoint);
    }
}
