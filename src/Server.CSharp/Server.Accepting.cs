using System.Net.Sockets;

namespace FunctionalWs;

public sealed partial class Server
{
    private static readonly TimeSpan ThreadFailures = TimeSpan.FromSeconds(1);

    private long threadFailedAt; // the last time that it was recorded

    private bool TryStart()
    {
        lock (gate)
        {
            if (phase != Phase.NotStarted)
                return false;
            phase = Phase.Running;
        }
        foreach (var endPoint in LocalEndPoints)
            log.ServerListening(endPoint);
        return true;
    }

    /// <summary>Accepts and hands over; nothing but the listener's end ends it.</summary>
    private void AcceptLoop(Listener listener)
    {
        var pause = new AcceptPause(log, options.TimeProvider);
        while (!IsStopping)
        {
            try
            {
                Admit(listener.Accept());
                pause.Reset();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                if (IsStopping)
                    return;
                metrics.AcceptFailed(error);
                pause.After(error);
            }
        }
    }

    private void Admit(Socket socket)
    {
        Transport transport;
        try
        {
            transport = new SocketTransport(socket);
            if (options.Ssl is not null)
                transport = new TlsTransport(transport);
        }
        catch (SocketException error)
        {
            // The client has left between its arrival and now.
            log.HandshakeIgnored("the peer left at once", error);
            socket.Dispose();
            return;
        }
        Admit(transport);
    }

    /// <summary>Gives a stream a connection and a thread, or tells the client that there is no room.</summary>
    internal void Admit(Transport transport)
    {
        if (!TryAdd(transport, out var connection))
        {
            TurnAway(transport);
            return;
        }

        try
        {
            threads.Run(() => Run(connection));
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            ThreadFailed(error);
            metrics.TurnedAway(null);
            Remove(connection);
            TurnAway(transport);
        }
    }

    /// <summary>One record a second at most: clients that are turned away may be many.</summary>
    private void ThreadFailed(Exception error)
    {
        var now = options.TimeProvider.GetTimestamp();
        var last = Interlocked.Read(ref threadFailedAt);
        var isDue = last == 0 || options.TimeProvider.GetElapsedTime(last, now) >= ThreadFailures;
        if (isDue && Interlocked.CompareExchange(ref threadFailedAt, now, last) == last)
            log.ThreadFailed(error);
    }

    private bool TryAdd(
        Transport transport,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ServerConnection? connection
    )
    {
        connection = null;
        lock (gate)
        {
            var peer = transport.RemoteEndPoint;
            var client = options.IsToldClientBy(peer) ? null : peer; // a proxy is counted by its clients
            if (admissions.Refuse(client) is { } reason)
            {
                log.TurnedAway(reason, connections.Count);
                metrics.TurnedAway(reason);
                return false;
            }
            connection = new ServerConnection(this, transport, options, opening, watcher, log)
            {
                CountedBy = client,
            };
            connections.Add(connection);
        }
        watcher.Add(connection);
        return true;
    }

    private void Run(ServerConnection connection)
    {
        connection.Run(handler, log);
        Remove(connection);
    }

    /// <summary>Counts the client's address once a proxy has told it; tells why the client is to be turned away.</summary>
    internal string? RefuseClient(ServerConnection connection)
    {
        var client = connection.RemoteEndPoint;
        lock (gate)
        {
            if (connection.CountedBy is not null || options.IsToldClientBy(client))
                return null;
            var reason = admissions.RefuseAddress(client);
            connection.CountedBy = reason is null ? client : null;
            return reason;
        }
    }

    /// <summary>The connection's handshake is no longer pending.</summary>
    internal void EndHandshake(ServerConnection connection)
    {
        lock (gate)
        {
            if (connection.IsPending)
                admissions.EndHandshake();
            connection.IsPending = false;
        }
    }

    private void Remove(ServerConnection connection)
    {
        watcher.Remove(connection);
        EndHandshake(connection);
        lock (gate)
        {
            admissions.Leave(connection.CountedBy);
            connections.Remove(connection);
            if (phase == Phase.Stopping && connection.WasOverdue)
                overdue++;
            options.Scheduler.PulseAll(gate);
        }
    }

    /// <summary>Answers 503 as far as that goes without waiting: this is the accepting thread.</summary>
    private void TurnAway(Transport transport)
    {
        try
        {
            transport.TryWrite(opening.Busy());
        }
        catch (IOException)
        {
            // It has left already.
        }
        transport.ShutdownSend();
        turnedAway.Add(transport);
        watcher.Hasten();
    }
}
