using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>Connects to Unix domain sockets.</summary>
internal static class UnixDialer
{
    /// <summary>
    /// Connects to a path. There is no being under way: a server with too many clients in its queue is asked again after a moment.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The path is empty, or too long for the system.</exception>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static SocketTransport Connect(string path, TimeLimit limit)
    {
        var endPoint = new UnixDomainSocketEndPoint(path);
        while (true)
        {
            limit.Check(() => "its queue is full");
            var socket = new Socket(
                AddressFamily.Unix,
                SocketType.Stream,
                ProtocolType.Unspecified
            );
            var result = SocketStart.Begin(socket, endPoint);
            if (result is SocketError.Success)
                return SocketStart.Finish(socket);
            socket.Dispose();
            if (result is not SocketError.WouldBlock)
                throw Failed(path, result);
            limit.Cancellation.WaitHandle.WaitOne(TimeLimit.Moment);
        }
    }

    /// <summary>The path as people write it: a name without a file begins with an @.</summary>
    public static string Describe(string path)
    {
        var written = path.StartsWith('\0') ? string.Concat("@", path.AsSpan(1)) : path;
        return Invariant($"the Unix socket {PeerText.Escape(written)}");
    }

    private static SocketException Failed(string path, SocketError error)
    {
        var hasNoFile = !path.StartsWith('\0') && !Path.Exists(path);
        var reason = hasNoFile ? "There is no such file" : SocketStart.Describe(error);
        return new SocketException(
            (int)error,
            Invariant($"There is no connection to {Describe(path)}: {reason}.")
        );
    }
}
