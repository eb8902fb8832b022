using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace FunctionalWs;

/// <content>The ways to make a server.</content>
public sealed partial class Server
{
    /// <summary>Makes a server that listens on an address.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread. When it returns, the connection is closed with 1000, when it throws with
    /// 1011.
    /// </param>
    /// <param name="host">
    /// An address or a name; <c>localhost</c> is 127.0.0.1 and, where the machine has it, ::1 with the same port. Null or empty
    /// for all addresses of the machine, IPv4 and IPv6.
    /// </param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    public static Server Serve(
        Action<ServerConnection> handler,
        string? host,
        int port,
        ServerOptions? options = null
    )
    {
        var settings = Checked(handler, options);
        return Create(handler, settings, Listener.Open(host, port, settings));
    }

    /// <summary>Makes a server that listens on an address, with a handler that is asynchronous.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="host">An address or a name, as for a handler that blocks.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Server Serve(
        Func<ServerConnection, Task> handler,
        string? host,
        int port,
        ServerOptions? options = null
    ) => Serve(HandlerContext.Blocking(handler), host, port, options);

    /// <summary>Makes a server whose connections are of a class of one's own, that listens on an address.</summary>
    /// <typeparam name="TConnection">Derived from <see cref="ServerConnection"/>.</typeparam>
    /// <param name="create">Makes each connection, as <see cref="ServerOptions.CreateConnection"/> does.</param>
    /// <param name="handler">Called for each connection on its own thread.</param>
    /// <param name="host">An address or a name, as for other handlers.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    /// <example>
    /// <code>
    /// Server.ServeAs(start => new Player(start), player => player.Play(), "localhost", 8765)
    /// </code>
    /// </example>
    public static Server ServeAs<TConnection>(
        Func<ConnectionStart, TConnection> create,
        Action<TConnection> handler,
        string? host,
        int port,
        ServerOptions? options = null
    )
        where TConnection : ServerConnection
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentNullException.ThrowIfNull(handler);
        var settings = (options ?? new ServerOptions()) with { CreateConnection = create };
        return Serve(connection => handler((TConnection)connection), host, port, settings);
    }

    /// <summary>Makes a server that listens on several addresses, all with the same handler and options.</summary>
    /// <param name="handler">Called for each connection on its own thread, as with one address.</param>
    /// <param name="endPoints">
    /// One or more of <see cref="IPEndPoint"/>, <see cref="DnsEndPoint"/> and <see cref="UnixDomainSocketEndPoint"/>.
    /// </param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no address, or one of another kind, or an option is wrong.</exception>
    /// <exception cref="SocketException">
    /// An address, which the text names, is in use or not to be had; then the server listens on none.
    /// </exception>
    public static Server Serve(
        Action<ServerConnection> handler,
        IReadOnlyList<EndPoint> endPoints,
        ServerOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(endPoints);
        var settings = Checked(handler, options);
        if (endPoints.Count == 0)
            throw new ArgumentException(
                "A server needs an address to listen on.",
                nameof(endPoints)
            );
        return Create(handler, settings, Listener.OpenAll(endPoints, settings));
    }

    /// <summary>Makes a server that listens on several addresses, with a handler that is asynchronous.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="endPoints">One or more addresses, as for a handler that blocks.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no address, or one of another kind, or an option is wrong.</exception>
    /// <exception cref="SocketException">
    /// An address, which the text names, is in use or not to be had; then the server listens on none.
    /// </exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Server Serve(
        Func<ServerConnection, Task> handler,
        IReadOnlyList<EndPoint> endPoints,
        ServerOptions? options = null
    ) => Serve(HandlerContext.Blocking(handler), endPoints, options);

    /// <summary>
    /// Makes a server on a socket that is bound already; it is made to listen unless it does. TCP or Unix, whatever the
    /// socket is.
    /// </summary>
    /// <param name="handler">Called for each connection on its own thread, as with an address.</param>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">The socket is not bound, or not a stream socket, or an option is wrong.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static Server Serve(
        Action<ServerConnection> handler,
        Socket socket,
        ServerOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(socket);
        var settings = Checked(handler, options);
        return Create(handler, settings, Listener.Adopt(socket, settings));
    }

    /// <summary>Makes a server on a socket that is bound already, with a handler that is asynchronous.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">The socket is not bound, or not a stream socket, or an option is wrong.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Server Serve(
        Func<ServerConnection, Task> handler,
        Socket socket,
        ServerOptions? options = null
    ) => Serve(HandlerContext.Blocking(handler), socket, options);

    /// <summary>
    /// Makes a server that listens on a Unix socket. A file that a server which is gone left at the path is replaced; any
    /// other file is left alone. The server's own file is removed when it is shut down, unless another is there by then.
    /// </summary>
    /// <param name="handler">Called for each connection on its own thread, as with an address.</param>
    /// <param name="path">
    /// Where the socket is to be, at most 107 bytes of UTF-8. One that begins with a NUL character is an abstract address; no
    /// other has one.
    /// </param>
    /// <param name="options">Settings, <see cref="ServerOptions.UnixSocketMode"/> among them; null for the defaults.</param>
    /// <exception cref="ArgumentException">The path is empty, too long or has a NUL in it, or an option is wrong.</exception>
    /// <exception cref="SocketException">The path, which the text names, is in use or not to be had.</exception>
    /// <exception cref="PlatformNotSupportedException">The system has no Unix sockets.</exception>
    public static Server UnixServe(
        Action<ServerConnection> handler,
        string path,
        ServerOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(path);
        var settings = Checked(handler, options);
        var endPoint = UnixSocketFile.ToEndPoint(path);
        return Create(handler, settings, Listener.Open(endPoint, settings));
    }

    /// <summary>Makes a server that listens on a Unix socket, with a handler that is asynchronous.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="path">Where the socket is to be, as for a handler that blocks.</param>
    /// <param name="options">Settings, <see cref="ServerOptions.UnixSocketMode"/> among them; null for the defaults.</param>
    /// <exception cref="ArgumentException">The path can't be one of a Unix socket, or an option is wrong.</exception>
    /// <exception cref="SocketException">The path, which the text names, is in use or not to be had.</exception>
    /// <exception cref="PlatformNotSupportedException">The system has no Unix sockets.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Server UnixServe(
        Func<ServerConnection, Task> handler,
        string path,
        ServerOptions? options = null
    ) => UnixServe(HandlerContext.Blocking(handler), path, options);

    /// <summary>
    /// Makes a server on the sockets that systemd has opened for this process (socket activation: <c>LISTEN_FDS</c>). They
    /// are taken once in a process.
    /// </summary>
    /// <param name="handler">Called for each connection on its own thread, as with an address.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">systemd has passed no sockets to this process.</exception>
    /// <exception cref="ArgumentException">An option is wrong, or one of the sockets can't accept connections.</exception>
    public static Server SystemdServe(
        Action<ServerConnection> handler,
        ServerOptions? options = null
    )
    {
        var settings = Checked(handler, options);
        var sockets = SystemdSockets.Take();
        try
        {
            var adopted = sockets.Select(socket => Listener.Adopt(socket, settings));
            return Create(handler, settings, [.. adopted]);
        }
        catch
        {
            foreach (var socket in sockets)
                socket.Dispose();
            throw;
        }
    }

    /// <summary>Makes a server on the sockets of systemd, with a handler that is asynchronous.</summary>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">systemd has passed no sockets to this process.</exception>
    /// <exception cref="ArgumentException">An option is wrong, or one of the sockets can't accept connections.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static Server SystemdServe(
        Func<ServerConnection, Task> handler,
        ServerOptions? options = null
    ) => SystemdServe(HandlerContext.Blocking(handler), options);

    private static ServerOptions Checked(Action<ServerConnection> handler, ServerOptions? options)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var settings = options ?? new ServerOptions();
        settings.Validate();
        return settings;
    }

    private static Server Create(
        Action<ServerConnection> handler,
        ServerOptions settings,
        params Listener[] listeners
    )
    {
        try
        {
            RequireUnix(settings, listeners);
            return new Server(handler, settings, listeners);
        }
        catch
        {
            foreach (var listener in listeners)
                listener.Dispose();
            throw;
        }
    }

    private static void RequireUnix(ServerOptions settings, Listener[] listeners)
    {
        if (
            settings.TrustUnixPeers
            && listeners.All(each => each.Socket.AddressFamily != AddressFamily.Unix)
        )
            throw new ArgumentException(
                Invariant(
                    $"TrustUnixPeers is for a server on a Unix socket; this one listens on {listeners[0].LocalEndPoint}: name its proxies in TrustedProxies."
                ),
                nameof(ServerOptions.TrustUnixPeers)
            );
    }
}
