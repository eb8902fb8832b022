using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>Listening sockets.</summary>
internal static class Listener
{
    public static Socket Listen(string? host, int port, int backlog)
    {
        if (port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            throw new ArgumentOutOfRangeException(
                nameof(port),
                port,
                $"A port is from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}."
            );

        var address = Resolve(host);
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static Socket Adopt(Socket socket, int backlog)
    {
        if (socket.SocketType != SocketType.Stream)
            throw new ArgumentException(
                $"A {socket.SocketType} socket can't accept connections.",
                nameof(socket)
            );
        if (!socket.IsBound)
            throw new ArgumentException("The socket is not bound to an address.", nameof(socket));
        socket.Listen(backlog);
        return socket;
    }

    private static IPAddress Resolve(string? host)
    {
        if (string.IsNullOrEmpty(host))
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        if (IPAddress.TryParse(host, out var address))
            return address;
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
            return IPAddress.Loopback;
        var addresses = Dns.GetHostAddresses(host);
        return addresses.FirstOrDefault(found => found.AddressFamily == AddressFamily.InterNetwork)
            ?? addresses[0];
    }
}
