using System.Net.Sockets;
using FunctionalWs.Protocol;

namespace FunctionalWs;

public static partial class Client
{
    /// <summary>
    /// Connects again and again: a sequence of connections, one at a time, that goes on when one has ended. Each step closes the
    /// connection before it, if it is still open, waits a while, and tries until there is another one.
    /// </summary>
    /// <param name="uri">Where to, as for <see cref="Connect(string, ClientOptions?, CancellationToken)"/>.</param>
    /// <param name="options">Settings of the connections; null for the defaults. Its clock measures the waits, too.</param>
    /// <param name="reconnecting">How long to wait, and when to give up; null for the defaults.</param>
    /// <param name="cancellation">Ends the sequence while it waits or connects, by an exception.</param>
    /// <returns>
    /// The connections. Their end is for the loop's body to notice: <c>foreach</c> over a connection throws
    /// <see cref="ConnectionClosedErrorException"/> unless it ends normally.
    /// </returns>
    /// <exception cref="UriFormatException">The URI is none of a WebSocket.</exception>
    /// <exception cref="ArgumentException">An option has a value that it can't have.</exception>
    /// <exception cref="HandshakeRefusedException">
    /// When it is enumerated: the server's answer won't change by asking again, such as 401 or 404.
    /// </exception>
    /// <exception cref="OperationCanceledException">When it is enumerated: it was cancelled.</exception>
    /// <example>
    /// <code>
    /// foreach (var connection in Client.ConnectForever("wss://example.com/feed"))
    /// {
    ///     try
    ///     {
    ///         foreach (var message in connection)
    ///             Console.WriteLine(message);
    ///     }
    ///     catch (ConnectionClosedException) { } // on to the next one
    /// }
    /// </code>
    /// </example>
    public static IEnumerable<ClientConnection> ConnectForever(
        string uri,
        ClientOptions? options = null,
        ReconnectOptions? reconnecting = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(uri);
        var target = WebSocketUri.Parse(uri);
        var settings = options ?? new ClientOptions();
        settings.Validate();
        settings.ToOffer();
        var waits = reconnecting ?? new ReconnectOptions();
        waits.Validate();
        return Connections(target, settings, waits, cancellation);
    }

    private static IEnumerable<ClientConnection> Connections(
        WebSocketUri uri,
        ClientOptions options,
        ReconnectOptions waits,
        CancellationToken cancellation
    )
    {
        var failures = 0;
        while (true)
        {
            if (TryConnect(uri, options, waits, cancellation) is { } connection)
            {
                using (connection)
                    yield return connection;
                failures = 0;
            }
            else
                failures++;
            Pause(options, waits.Delay(failures, Chance(options)), cancellation);
        }
    }

    /// <summary>Null when it has failed for a reason that may pass.</summary>
    private static ClientConnection? TryConnect(
        WebSocketUri uri,
        ClientOptions options,
        ReconnectOptions waits,
        CancellationToken cancellation
    )
    {
        try
        {
            return new Connecting(options, cancellation).To(uri);
        }
        catch (Exception error) when (!cancellation.IsCancellationRequested)
        {
            // Not in the filter, which would swallow what the application's code throws.
            if (waits.ShouldRetry?.Invoke(error) ?? MayPass(error))
                return null;
            throw;
        }
    }

    private static bool MayPass(Exception error) =>
        error switch
        {
            HandshakeRefusedException refused => refused.Response.StatusCode
                is 408
                    or 429
                    or 500
                    or 502
                    or 503
                    or 504,
            _ => error is SocketException or IOException or TimeoutException,
        };

    private static double Chance(ClientOptions options)
    {
        Span<byte> bytes = stackalloc byte[2];
        options.Scheduler.Fill(bytes);
        return BitConverter.ToUInt16(bytes) / (double)ushort.MaxValue;
    }

    private static void Pause(ClientOptions options, TimeSpan time, CancellationToken cancellation)
    {
        var pause = Task.Delay(time, options.TimeProvider, cancellation);
        options.Scheduler.Await(pause);
        pause.GetAwaiter().GetResult();
    }
}
