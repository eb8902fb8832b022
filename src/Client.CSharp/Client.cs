using System.Net.Sockets;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A WebSocket client that blocks: each call connects on the calling thread and returns when the connection is open. Everything may be
/// called from any thread.
/// </summary>
public static partial class Client
{
    /// <summary>Connects to a server.</summary>
    /// <param name="uri">
    /// Where to, such as <c>wss://example.com/feed?topic=1</c>: <c>ws</c>, or <c>wss</c> for TLS. A name and a password in it are
    /// sent by the scheme Basic.
    /// </param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellation">Ends the connecting, not the connection.</param>
    /// <returns>The connection, open. Dispose of it to close it.</returns>
    /// <exception cref="UriFormatException">The URI is none of a WebSocket.</exception>
    /// <exception cref="ArgumentException">An option has a value that it can't have.</exception>
    /// <exception cref="HandshakeRefusedException">The server, or a proxy, answered with something else than a WebSocket.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="ClientOptions.OpenTimeout"/>.</exception>
    /// <exception cref="SocketException">The name has no address, or nobody answers at any.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">TLS was not agreed on: the certificate, mostly.</exception>
    /// <exception cref="IOException">The stream broke, or what answers is no WebSocket server.</exception>
    /// <exception cref="NotSupportedException">The proxy is of another kind than HTTP and SOCKS 5.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ClientConnection Connect(
        string uri,
        ClientOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(uri);
        return new Connecting(options, cancellation).To(WebSocketUri.Parse(uri));
    }

    /// <inheritdoc cref="Connect(string, ClientOptions?, CancellationToken)"/>
    public static ClientConnection Connect(
        Uri uri,
        ClientOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(uri);
        return new Connecting(options, cancellation).To(ToWebSocketUri(uri));
    }

    /// <summary>Connects to a server by a stream that is there: over a tunnel of one's own, for example.</summary>
    /// <param name="socket">Connected; the connection's from now on, also when this throws.</param>
    /// <param name="uri">What the server is asked for. It has to be where the socket leads to; its scheme says whether TLS is begun.</param>
    /// <param name="options">Settings; null for the defaults. Redirects to elsewhere are refusals.</param>
    /// <param name="cancellation">Ends the connecting, not the connection.</param>
    /// <inheritdoc cref="Connect(string, ClientOptions?, CancellationToken)"/>
    public static ClientConnection Connect(
        Socket socket,
        string uri,
        ClientOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(uri);
        try
        {
            SocketTransport.DisableDelay(socket);
            var transport = SocketStart.Finish(socket); // a call of the platform's that doesn't wait leaves it so
            return new Connecting(options, cancellation).Over(transport, WebSocketUri.Parse(uri));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a server by a stream of any kind: through a tunnel in another program, over a pipe or a serial line.</summary>
    /// <param name="stream">
    /// Reads and writes; the connection's from now on, also when this throws. Two threads carry bytes between it and the connection, so
    /// one may read while the other writes; it is disposed of at the end.
    /// </param>
    /// <param name="uri">What the server is asked for. It has to be where the stream leads to; its scheme says whether TLS is begun.</param>
    /// <param name="options">Settings; null for the defaults. Redirects to elsewhere are refusals.</param>
    /// <param name="cancellation">Ends the connecting, not the connection.</param>
    /// <inheritdoc cref="Connect(string, ClientOptions?, CancellationToken)"/>
    public static ClientConnection Connect(
        Stream stream,
        string uri,
        ClientOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(uri);
        try
        {
            if (!stream.CanRead || !stream.CanWrite)
                throw new ArgumentException("The stream has to read and to write.", nameof(stream));
            var target = WebSocketUri.Parse(uri);
            var connecting = new Connecting(options, cancellation);
            return connecting.Over(StreamPumps.Start(stream), target);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a server that listens on a Unix domain socket.</summary>
    /// <param name="path">The socket's path.</param>
    /// <param name="uri">What the server is asked for; its scheme says whether TLS is begun.</param>
    /// <param name="options">Settings; null for the defaults. No proxy is asked; redirects to elsewhere are refusals.</param>
    /// <param name="cancellation">Ends the connecting, not the connection.</param>
    /// <inheritdoc cref="Connect(string, ClientOptions?, CancellationToken)"/>
    public static ClientConnection UnixConnect(
        string path,
        string uri = "ws://localhost/",
        ClientOptions? options = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(uri);
        return new Connecting(options, cancellation, path).To(WebSocketUri.Parse(uri));
    }

    private static WebSocketUri ToWebSocketUri(Uri uri) =>
        WebSocketUri.TryParse(uri) switch
        {
            UriParse.Valid valid => valid.Uri,
            UriParse.Invalid invalid => throw new UriFormatException(Invariant($"{invalid.Error}")),
            var other => throw new UriFormatException(Invariant($"{other}")),
        };
}
