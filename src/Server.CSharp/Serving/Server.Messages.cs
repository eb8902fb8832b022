using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <content>The ways to make a server whose handler is called for each message.</content>
public sealed partial class Server
{
    /// <summary>
    /// Makes a server that listens on an address and calls a handler for each message. No thread waits for a connection's messages; for
    /// one connection calls never overlap, and come in order. A call may block: others are served by another thread then.
    /// </summary>
    /// <param name="received">Called with the connection and the message. What it throws closes the connection with 1011.</param>
    /// <param name="host">An address or a name, as for a handler of connections.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    /// <example>
    /// <code>
    /// using var server = Server.Serve((connection, message) => connection.Send(message), "localhost", 8765);
    /// server.ServeForever();
    /// </code>
    /// </example>
    public static Server Serve(
        Action<ServerConnection, Message> received,
        string? host,
        int port,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), host, port, options);

    /// <summary>
    /// Makes a server that listens on an address and calls an asynchronous handler for each message: the next one of its connection
    /// waits for the task, others don't.
    /// </summary>
    /// <param name="received">Called with the connection and the message. What it throws closes the connection with 1011.</param>
    /// <param name="host">An address or a name, as for a handler of connections.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    public static Server Serve(
        Func<ServerConnection, Message, Task> received,
        string? host,
        int port,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), host, port, options);

    /// <summary>Makes a server that listens on an address and makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="host">An address or a name, as for a handler of connections.</param>
    /// <param name="port">1 to 65535, or 0 for any free one: see <see cref="LocalEndPoint"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address, which the text names, is in use or not to be had.</exception>
    public static Server Serve(
        Func<ServerConnection, MessageHandler> make,
        string? host,
        int port,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(make), host, port, options);

    /// <summary>Makes a server that listens on several addresses and makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="endPoints">One or more addresses, as for a handler of connections.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">There is no address, or one of another kind, or an option is wrong.</exception>
    /// <exception cref="SocketException">
    /// An address, which the text names, is in use or not to be had; then the server listens on none.
    /// </exception>
    public static Server Serve(
        Func<ServerConnection, MessageHandler> make,
        IReadOnlyList<EndPoint> endPoints,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(make), endPoints, options);

    /// <summary>Makes a server on a socket that is bound already, and makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">The socket is not bound, or not a stream socket, or an option is wrong.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static Server Serve(
        Func<ServerConnection, MessageHandler> make,
        Socket socket,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(make), socket, options);

    /// <summary>Makes a server that listens on a Unix socket and makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="path">Where the socket is to be, as for a handler of connections.</param>
    /// <param name="options">Settings, <see cref="ServerOptions.UnixSocketMode"/> among them; null for the defaults.</param>
    /// <exception cref="ArgumentException">The path can't be one of a Unix socket, or an option is wrong.</exception>
    /// <exception cref="SocketException">The path, which the text names, is in use or not to be had.</exception>
    /// <exception cref="PlatformNotSupportedException">The system has no Unix sockets.</exception>
    public static Server UnixServe(
        Func<ServerConnection, MessageHandler> make,
        string path,
        ServerOptions? options = null
    ) => UnixServe(MessageHandler.ForEach(make), path, options);

    /// <summary>Makes a server on the sockets of systemd, and makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">systemd has passed no sockets to this process.</exception>
    /// <exception cref="ArgumentException">An option is wrong, or one of the sockets can't accept connections.</exception>
    public static Server SystemdServe(
        Func<ServerConnection, MessageHandler> make,
        ServerOptions? options = null
    ) => SystemdServe(MessageHandler.ForEach(make), options);
}
