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

    // How often another free port is asked for when the one that IPv4 gave is taken in IPv6.
    private const int FreePortAttempts = 20;

    /// <summary>Binds and listens on a TCP address, or on both loopback addresses for <c>localhost</c>.</summary>
    public static Listener[] Open(string? host, int port, ServerOptions options)
    {
        if (port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort)
            throw new ArgumentOutOfRangeException(
                nameof(port),
                port,
                Invariant($"A port is from {IPEndPoint.MinPort} to {IPEndPoint.MaxPort}.")
            );
        return IsLocalhost(host)
            ? OpenLoopback(port, options, FreePortAttempts)
            : [OpenTcp(new IPEndPoint(Resolve(host), port), options)];
    }

    private static bool IsLocalhost(string? host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Clients try ::1 or 127.0.0.1 first, as they like: both have the same port. A machine without IPv6 has one of them.
    /// </summary>
    private static Listener[] OpenLoopback(int port, ServerOptions options, int attempts)
    {
        var first = OpenTcp(new IPEndPoint(IPAddress.Loopback, port), options);
        try
        {
            var shared = ((IPEndPoint)first.LocalEndPoint!).Port;
            return [first, OpenTcp(new IPEndPoint(IPAddress.IPv6Loopback, shared), options)];
        }
        catch (SocketException error) when (IsUnsupported(error))
        {
            return [first];
        }
        catch (SocketException error)
            when (port == 0
                && attempts > 1
                && error.SocketErrorCode == SocketError.AddressAlreadyInUse
            )
        {
            first.Dispose();
            return OpenLoopback(port, options, attempts - 1);
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

    private static bool IsUnsupported(SocketException error) =>
        error.SocketErrorCode
            is SocketError.AddressNotAvailable
                or SocketError.AddressFamilyNotSupported
                or SocketError.ProtocolFamilyNotSupported
                or SocketError.ProtocolNotSupported;

    /// <summary>Binds and listens on an address of any supported kind.</summary>
    public static Listener[] Open(EndPoint endPoint, ServerOptions options) =>
        endPoint switch
        {
            IPEndPoint address => [OpenTcp(address, options)],
            DnsEndPoint name => Open(name.Host, name.Port, options),
            UnixDomainSocketEndPoint unix => [OpenUnix(unix, options)],
            _ => throw new ArgumentException(
                Invariant(
                    $"'{endPoint}' is no address to listen on: it takes an IPEndPoint, a DnsEndPoint or a "
                ) + "UnixDomainSocketEndPoint.",
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
                opened.AddRange(Open(endPoint, options));
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
                Invariant($"A {socket.SocketType} socket can't accept connections."),
                nameof(socket)
            );
        if (!socket.IsBound)
            throw new ArgumentException("The socket is not bound to an address.", nameof(socket));
        SocketTransport.DisableDelay(socket);
        MakePatient(socket);
        socket.Listen(options.Backlog);
        return new Listener(socket, isShared: true) { LocalEndPoint = socket.LocalEndPoint };
    }

    /// <summary>What whoever made the socket has set for its own purposes: connections would have it from there.</summary>
    private static void MakePatient(Socket socket)
    {
        socket.Blocking = true;
        socket.ReceiveTimeout = 0;
        socket.SendTimeout = 0;
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
        return OperatingSystem.IsLinux() && Socket.AddressFamily == AddressFamily.Unix
            ? LinuxSocket.Accept(Socket)
            : Socket.Accept();
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
            Invariant($"{address}"),
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
        var (socket, file) = UnixSocketFile.Listen(endPoint, options);
        return new Listener(socket, file) { LocalEndPoint = endPoint };
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

    /// <summary>The same error with the address in its text, and a better reason where there is one.</summary>
    public static SocketException Failed(
        SocketException error,
        string address,
        string? reason = null
    ) =>
        new(
            (int)error.SocketErrorCode,
            Invariant($"Can't listen on {address}: {reason ?? error.Message}")
        );

    private static IPAddress Resolve(string? host)
    {
        if (string.IsNullOrEmpty(host))
            return Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;
        if (IPAddress.TryParse(host, out var address))
            return address;
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
