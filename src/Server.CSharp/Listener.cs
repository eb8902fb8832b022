using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>A listening socket, with the file that it may have left.</summary>
internal sealed class Listener : IDisposable
{
    // How often a wait for a client looks whether it is to end.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly UnixSocketFile? file;
    private readonly bool isShared;

    private Listener(Socket socket, UnixSocketFile? file = null, bool isShared = false)
    {
        Socket = socket;
        this.file = file;
        this.isShared = isShared;
    }

    public Socket Socket { get; }

    /// <summary>Where it listens; known after its end, too.</summary>
    public EndPoint? LocalEndPoint { get; private init; }

    /// <summary>Binds and listens on a TCP address.</summary>
    public static Listener Open(string? host, int port, ServerOptions options)
    {
        if (port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            throw new ArgumentOutOfRangeException(
                nameof(port),
                port,
                $"A port is from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}."
            );
        return Open(new IPEndPoint(Resolve(host), port), options);
    }

    /// <summary>Binds and listens on an address of any supported kind.</summary>
    public static Listener Open(EndPoint endPoint, ServerOptions options) =>
        endPoint switch
        {
            IPEndPoint address => OpenTcp(address, options),
            DnsEndPoint name => Open(name.Host, name.Port, options),
            UnixDomainSocketEndPoint unix => OpenUnix(unix, options),
            _ => throw new ArgumentException(
                $"'{endPoint}' is no address to listen on: it takes an IPEndPoint, a DnsEndPoint or a "
                    + "UnixDomainSocketEndPoint.",
                nameof(endPoint)
            ),
        };

    /// <summary>Listens on all of several addresses, or on none when one of them can't be had.</summary>
    public static Listener[] OpenAll(IEnumerable<EndPoint> endPoints, ServerOptions options)
    {
        var opened = new List<Listener>();
        try
        {
            foreach (var endPoint in endPoints)
                opened.Add(Open(endPoint, options));
            return [.. opened];
        }
        catch
        {
            opened.ForEach(listener => listener.Dispose());
            throw;
        }
    }

    /// <summary>Takes a socket that is bound, whether it listens already or not.</summary>
    public static Listener Adopt(Socket socket, ServerOptions options)
    {
        if (socket.SocketType != SocketType.Stream)
            throw new ArgumentException(
                $"A {socket.SocketType} socket can't accept connections.",
                nameof(socket)
            );
        if (!socket.IsBound)
            throw new ArgumentException("The socket is not bound to an address.", nameof(socket));
        SocketTransport.DisableDelay(socket);
        socket.Listen(options.Backlog);
        return new Listener(socket, isShared: true) { LocalEndPoint = socket.LocalEndPoint };
    }

    /// <summary>Waits for a client. <see cref="Dispose"/> ends the wait with an exception.</summary>
    /// <remarks>
    /// Closing a socket frees those who wait in it, except one that came from another process: that one the platform closes
    /// without touching it, since the other process (systemd) goes on with it. So nobody may wait in it for long.
    /// </remarks>
    public Socket Accept()
    {
        while (isShared && !Socket.Poll(Look, SelectMode.SelectRead))
            continue;
        return Socket.Accept();
    }

    public void Dispose()
    {
        Socket.Dispose();
        file?.DeleteIfOurs();
    }

    private static Listener OpenTcp(IPEndPoint address, ServerOptions options)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        Attempt(
            new Listener(socket),
            $"{address}",
            () =>
            {
                if (address.AddressFamily == AddressFamily.InterNetworkV6)
                    socket.DualMode =
                        options.DualStack && address.Address.Equals(IPAddress.IPv6Any);
                // On Unix this is SO_REUSEPORT; SO_REUSEADDR the platform sets itself.
                if (options.ReusePort)
                    socket.SetSocketOption(
                        SocketOptionLevel.Socket,
                        SocketOptionName.ReuseAddress,
                        true
                    );
                SocketTransport.DisableDelay(socket);
                socket.Bind(address);
                socket.Listen(options.Backlog);
            }
        );
        return new Listener(socket) { LocalEndPoint = socket.LocalEndPoint };
    }

    private static Listener OpenUnix(UnixDomainSocketEndPoint endPoint, ServerOptions options)
    {
        var (socket, file) = UnixSocketFile.Bind(endPoint, options);
        var listener = new Listener(socket, file) { LocalEndPoint = endPoint };
        Attempt(listener, endPoint.ToString(), () => socket.Listen(options.Backlog));
        return listener;
    }

    /// <summary>Carries out what makes a socket listen; if that fails, says where, and leaves nothing behind.</summary>
    private static void Attempt(Listener listener, string address, Action listen)
    {
        try
        {
            listen();
        }
        catch (SocketException error)
        {
            listener.Dispose();
            throw Failed(error, address);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>The same error with the address in its text.</summary>
    public static SocketException Failed(SocketException error, string address) =>
        new((int)error.SocketErrorCode, $"Can't listen on {address}: {error.Message}");

    private static IPAddress Resolve(string? host)
    {
        if (string.IsNullOrEmpty(host))
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        if (IPAddress.TryParse(host, out var address))
            return address;
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
            return IPAddress.Loopback;
        try
        {
            var addresses = Dns.GetHostAddresses(host);
            return addresses.FirstOrDefault(found =>
                    found.AddressFamily == AddressFamily.InterNetwork
                ) ?? addresses[0];
        }
        catch (SocketException error)
        {
            throw Failed(error, host);
        }
    }
}
