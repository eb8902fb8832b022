using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// Tries the addresses of a host, a moment after each other, and takes the one that answers first (RFC 8305 §5). All on the calling
/// thread.
/// </summary>
internal sealed class ConnectRace : IDisposable
{
    // RFC 8305 §8: the recommended time between two attempts.
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(250);

    private readonly string target;
    private readonly TimeProvider clock;
    private readonly TimeLimit limit;
    private readonly Queue<IPEndPoint> waiting;
    private readonly List<Attempt> running = [];
    private readonly List<(IPEndPoint EndPoint, SocketError Error)> failures = [];
    private Deadline next;

    /// <param name="target">The host and its port, for messages.</param>
    /// <param name="endPoints">At least one, in the order in which they are tried.</param>
    /// <param name="clock">Measures the time between attempts.</param>
    /// <param name="limit">How long all of it may take.</param>
    public ConnectRace(
        string target,
        IEnumerable<IPEndPoint> endPoints,
        TimeProvider clock,
        TimeLimit limit
    )
    {
        this.target = target;
        this.clock = clock;
        this.limit = limit;
        waiting = new Queue<IPEndPoint>(endPoints);
        HurryUp();
    }

    /// <summary>Waits for the first address that answers. It is to be asked once.</summary>
    /// <exception cref="SocketException">None does: the message names each of them.</exception>
    public SocketTransport Run()
    {
        while (true)
        {
            limit.Check(DescribeRunning);
            if (waiting.Count > 0 && next.HasPassed && Start() is { } early)
                return SocketStart.Finish(early);
            if (running.Count == 0 && waiting.Count == 0)
                throw Failed();
            if (running.Count > 0 && Watch() is { } socket)
                return SocketStart.Finish(socket);
        }
    }

    /// <summary>Closes those that have lost.</summary>
    public void Dispose()
    {
        foreach (var attempt in running)
            attempt.Socket.Dispose();
        running.Clear();
    }

    /// <summary>Tries the next address; the socket when it is connected at once.</summary>
    private Socket? Start()
    {
        var endPoint = waiting.Dequeue();
        next = Deadline.After(clock, Delay);
        Socket socket;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        }
        catch (SocketException error) // the machine may know of no such addresses
        {
            Fail(endPoint, error.SocketErrorCode);
            return null;
        }
        running.Add(new Attempt(socket, endPoint));
        return Settle(running[^1], SocketStart.Begin(socket, endPoint));
    }

    /// <summary>Waits for a moment for one of those that are under way.</summary>
    private Socket? Watch()
    {
        var connected = running.ConvertAll(attempt => attempt.Socket);
        var broken = new List<Socket>(connected);
        Socket.Select(null, connected, broken, TimeLimit.Moment);
        foreach (var attempt in running.ToArray())
        {
            var isDone = connected.Contains(attempt.Socket) || broken.Contains(attempt.Socket);
            if (isDone && Settle(attempt, SocketStart.Result(attempt.Socket)) is { } socket)
                return socket;
        }
        return null;
    }

    /// <summary>Takes one that has ended out of the race; its socket when it has won.</summary>
    private Socket? Settle(Attempt attempt, SocketError result)
    {
        if (result is SocketError.WouldBlock)
            return null;
        running.Remove(attempt);
        if (result is SocketError.Success)
            return attempt.Socket;
        attempt.Socket.Dispose();
        Fail(attempt.EndPoint, result);
        return null;
    }

    private void Fail(IPEndPoint endPoint, SocketError error)
    {
        failures.Add((endPoint, error));
        HurryUp();
    }

    /// <summary>The next address need not wait.</summary>
    private void HurryUp() => next = Deadline.After(clock, TimeSpan.Zero);

    private SocketException Failed()
    {
        // What a machine has answered tells more than that there is no way to another.
        var telling = failures.FindIndex(failure => !IsUnreachable(failure.Error));
        return new SocketException(
            (int)failures[Math.Max(telling, 0)].Error,
            Invariant($"There is no connection to {target}. {DescribeFailures()}.")
        );
    }

    private static bool IsUnreachable(SocketError error) =>
        error
            is SocketError.NetworkUnreachable
                or SocketError.HostUnreachable
                or SocketError.AddressNotAvailable
                or SocketError.AddressFamilyNotSupported;

    private string DescribeFailures() =>
        string.Join(
            "; ",
            failures.Select(failure =>
                Invariant($"{failure.EndPoint}: {SocketStart.Describe(failure.Error)}")
            )
        );

    private string DescribeRunning()
    {
        var silent = string.Join(", ", running.Select(attempt => attempt.EndPoint));
        var unanswered =
            silent.Length > 0 ? Invariant($"no answer from {silent}") : "no address was tried";
        return failures.Count == 0 ? unanswered : Invariant($"{unanswered}; {DescribeFailures()}");
    }

    private sealed record Attempt(Socket Socket, IPEndPoint EndPoint);
}
