using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

public sealed partial class Server
{
    private readonly Seldom threadFailures;
    private readonly Seldom listenerFailures;

    private bool TryStart()
    {
        using (gate.HoldMonitor())
        {
            if (phase != Phase.NotStarted)
                return false;
            phase = Phase.Running;
        }
        foreach (var endPoint in LocalEndPoints)
            log.ServerListening(endPoint);
        return true;
    }

    /// <summary>Accepts and hands over; nothing but the server's end ends it.</summary>
    private sealed class Acceptor(Server server, Listener listener)
    {
        private static readonly Action<Acceptor> Accept = acceptor => acceptor.AcceptOne();
        private static readonly Action<Acceptor, Exception> Failed = (acceptor, error) =>
            acceptor.Pause(error);

        private readonly AcceptPause pause = new(server.log, server.options.TimeProvider);

        public void Run()
        {
            while (!server.IsStopping)
                Guard.Run(this, Accept, Failed);
        }

        private void AcceptOne()
        {
            server.Admit(listener.Accept());
            pause.Reset();
        }

        private void Pause(Exception error)
        {
            if (server.IsStopping)
                return; // the listener's end
            server.metrics.AcceptFailed(error);
            pause.After(error);
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
        catch (Exception error)
        {
            socket.Dispose();
            if (error is not SocketException)
                throw;
            // The client has left between its arrival and now.
            log.HandshakeIgnored("the peer left at once", error);
            return;
        }
        Admit(transport);
    }

    /// <summary>Gives a stream a connection and a thread, or tells the client that there is no room.</summary>
    internal void Admit(Transport transport)
    {
        if (!TryAdmit(transport, Begin))
            TurnAway(transport);
    }

    /// <summary>Gives a stream a connection, which begins; false when there is no room for it.</summary>
    private bool TryAdmit(Transport transport, Action<ServerConnection> begin)
    {
        var client = ClientKey(transport.RemoteEndPoint);
        if (!TryCountIn(client))
            return false;

        ServerConnection? connection = null;
        try
        {
            connection = Create(
                new ConnectionStart(this, transport, options, opening, watcher, log)
            );
            connection.CountedBy = client;
            var added = connection;
            if (TryAdd(added))
            {
                begin(added);
                return true;
            }
        }
        catch (Exception error)
        {
            if (connection is null)
                CreateFailed(error);
            else
                ThreadFailed(error);
            metrics.TurnedAway(null);
        }
        Remove(connection, client);
        return false;
    }

    private ServerConnection Create(ConnectionStart start)
    {
        if (options.CreateConnection is not { } create)
            return new ServerConnection(start);
        ServerConnection? made = null;
        callbacks.Run(() => made = create(start));
        return made is not null && made.IsOf(start)
            ? made
            : throw new InvalidOperationException(
                "CreateConnection has not returned a connection made of its start."
            );
    }

    /// <summary>The address by which a client counts; a proxy is counted by its clients.</summary>
    private IPAddress? ClientKey(EndPoint? peer) =>
        options.MaxConnectionsPerAddress is null || options.IsToldClientBy(peer)
            ? null
            : Admissions.KeyOf(peer);

    /// <summary>Counts a client in before anything is made for it; tells the log and the metrics why not otherwise.</summary>
    private bool TryCountIn(IPAddress? client)
    {
        string? reason;
        int count;
        using (gate.HoldMonitor())
        {
            if (phase is Phase.Stopping or Phase.Stopped)
                return false;
            reason = admissions.Refuse(client);
            count = connections.Count;
        }
        if (reason is null)
            return true;
        log.TurnedAway(reason, count);
        metrics.TurnedAway(reason);
        return false;
    }

    /// <summary>
    /// False when the server has begun to stop meanwhile. Whoever is here before that is told; and the watcher, which keeps its
    /// deadlines, doesn't end before it has gone.
    /// </summary>
    private bool TryAdd(ServerConnection connection)
    {
        watcher.Add(connection);
        using (gate.HoldMonitor())
            return phase == Phase.Running && connections.Add(connection);
    }

    /// <summary>
    /// In a loop, where it can wait for all that comes. A hook may take its time for each client: clients that come at once have threads
    /// for that.
    /// </summary>
    private void Begin(ServerConnection connection)
    {
        if (GivesMessages && connection.CanPark && !options.ProxyProtocol && !options.HasHooks)
        {
            connection.BeginInLoop(handler);
            loops.Add(connection);
        }
        else
            threads.Run(() => Run(connection));
    }

    private void Run(ServerConnection connection)
    {
        if (connection.Run(handler))
            Ended(connection);
        else if (
            !Guard.Run(
                this,
                server => server.loops.Add(connection),
                (_, error) => connection.Fail(error)
            )
        )
            connection.EndOutside();
    }

    /// <summary>A connection's life is over.</summary>
    internal void Ended(ServerConnection connection) => Remove(connection, connection.CountedBy);

    /// <summary>Counts the client's address once a proxy has told it; tells why the client is to be turned away.</summary>
    internal string? RefuseClient(ServerConnection connection)
    {
        var client = ClientKey(connection.RemoteEndPoint);
        if (client is null)
            return null;
        using (gate.HoldMonitor())
        {
            if (connection.CountedBy is not null)
                return null;
            var reason = admissions.RefuseAddress(client);
            connection.CountedBy = reason is null ? client : null;
            return reason;
        }
    }

    /// <summary>The connection's handshake is no longer pending.</summary>
    internal void EndHandshake(ServerConnection connection)
    {
        using (gate.HoldMonitor())
            EndPending(connection);
    }

    private void EndPending(ServerConnection? connection)
    {
        if (connection is not { IsPending: false })
            admissions.EndHandshake();
        if (connection is not null)
            connection.IsPending = false;
    }

    /// <summary>Counts a client out, of whom perhaps no connection was made. Needs no memory.</summary>
    private void Remove(ServerConnection? connection, IPAddress? client)
    {
        if (connection is not null)
            watcher.Remove(connection);
        using (gate.HoldMonitor())
        {
            EndPending(connection);
            admissions.Leave(client);
            if (connection is not null)
                connections.Remove(connection);
            if (phase == Phase.Running)
                return; // who waits then doesn't wait for this one
            if (phase == Phase.Stopping && connection is { WasOverdue: true })
                overdue++;
            options.Scheduler.PulseAll(gate);
        }
    }

    /// <summary>One record a second at most: clients that are turned away may be many.</summary>
    private void CreateFailed(Exception error)
    {
        if (options.CreateConnection is null)
            ThreadFailed(error); // for want of memory
        else if (threadFailures.IsDue())
            log.CreateConnectionFailed(error);
    }

    private void ThreadFailed(Exception error)
    {
        if (threadFailures.IsDue())
            log.ThreadFailed(error);
    }

    /// <summary>A listener of metrics or traces has thrown. One record a second at most.</summary>
    internal void ListenerFailed(Exception error)
    {
        if (listenerFailures.IsDue())
            log.ListenerFailed(error);
    }

    /// <summary>Answers 503 as far as that goes without waiting: this is the accepting thread.</summary>
    private void TurnAway(Transport transport)
    {
        try
        {
            transport.TryWrite(opening.Busy());
            transport.ShutdownSend();
            turnedAway.Add(transport);
            watcher.Hasten();
        }
        catch (Exception)
        {
            // It has left already, or there is no memory for an answer.
            transport.Dispose();
        }
    }
}
