using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>One call that connects: the way to the server, its answer, and where that leads.</summary>
internal sealed class Connecting
{
    private readonly ClientOptions options;
    private readonly CancellationToken cancellation;
    private readonly string? unixPath;
    private readonly TestHandshake? test;
    private readonly Deadline deadline;
    private readonly Log log;
    private readonly ClientMetrics metrics;
    private ClientOffer offer;

    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <param name="unixPath">The Unix socket to connect to; null for the URI's host.</param>
    /// <param name="test">What a client of tests does otherwise; null for every other.</param>
    /// <exception cref="ArgumentException">An option has a value that it can't have.</exception>
    public Connecting(
        ClientOptions? options,
        CancellationToken cancellation,
        string? unixPath = null,
        TestHandshake? test = null
    )
    {
        this.options = options ?? new ClientOptions();
        this.options.Validate();
        offer = this.options.ToOffer();
        this.cancellation = cancellation;
        this.unixPath = unixPath;
        this.test = test;
        deadline = Deadline.After(this.options.TimeProvider, this.options.OpenTimeout);
        log = new Log(
            new GuardedLogger(this.options.LoggerFactory.CreateLogger("FunctionalWs.Client"))
        );
        metrics = ClientMetrics.Of(this.options.MeterFactory, log);
    }

    /// <summary>Connects, and follows where it is sent.</summary>
    public ClientConnection To(WebSocketUri uri)
    {
        var asked = uri;
        for (var redirects = 0; ; redirects++)
        {
            var transport = Dialing.Open(uri, Settings, deadline, cancellation);
            var mayFollow = unixPath is null && redirects < options.MaxRedirects;
            if (Ask(transport, uri, mayFollow, out var target) is { } connection)
                return connection;
            if (!target!.IsSameOrigin(asked))
                offer = offer.WithoutSecrets();
            uri = target;
        }
    }

    /// <summary>Connects by a stream that is there.</summary>
    public ClientConnection Over(Transport transport, WebSocketUri uri)
    {
        var complete = Dialing.Over(transport, uri, Settings, deadline, cancellation);
        return Ask(complete, uri, mayFollow: false, out _)!;
    }

    private DialSettings Settings =>
        new()
        {
            Proxy = options.Proxy,
            Ssl = options.Ssl,
            UnixPath = unixPath,
            Clock = options.TimeProvider,
        };

    /// <summary>The connection, open; null when the server is elsewhere.</summary>
    private ClientConnection? Ask(
        Transport transport,
        WebSocketUri uri,
        bool mayFollow,
        out WebSocketUri? target
    )
    {
        target = null;
        ClientConnection? connection = null;
        var isOpen = false;
        try
        {
            connection = Begin(transport, uri);
            target = Open(connection, uri, mayFollow);
            isOpen = target is null;
            return isOpen ? connection : null;
        }
        finally
        {
            if (connection is null)
                transport.Dispose();
            else if (!isOpen)
                connection.Dispose();
        }
    }

    /// <summary>A connection that is not open yet, with somebody who watches over it, but in tests.</summary>
    private ClientConnection Begin(Transport transport, WebSocketUri uri)
    {
        var isShared = true;
        var watcher = test is null
            ? ClientWatcher.For(options, log, out isShared)
            : ClientWatcher.Absent(options);
        try
        {
            var connection = new ClientConnection(
                uri,
                transport,
                options,
                watcher,
                log,
                metrics,
                deadline
            );
            watcher.Add(connection);
            return connection;
        }
        finally
        {
            if (!isShared)
                watcher.EndWhenEmpty();
        }
    }

    /// <summary>Null when the connection is open.</summary>
    private WebSocketUri? Open(ClientConnection connection, WebSocketUri uri, bool mayFollow)
    {
        using var registration = cancellation.UnsafeRegister(
            static each =>
                ((ClientConnection)each!).AbortOpening(
                    new OperationCanceledException("It was cancelled.")
                ),
            connection
        );
        try
        {
            var key = new byte[16];
            options.Scheduler.FillUnpredictably(key);
            var request = ClientHandshake.CreateRequest(key, offer, uri);
            var head = connection.Ask(test?.Amend(request.Request) ?? request.Request);
            switch (ClientHandshake.Check(request, head))
            {
                case ClientResult.Opened opened:
                    connection.BecomeOpen(opened.Agreement);
                    return null;
                case ClientResult.Refused when test is { IsItsOwn: true } && head.StatusCode == 101:
                    connection.BecomeOpen(agreement: null);
                    return null;
                case ClientResult.Redirected redirected when mayFollow:
                    return redirected.Target;
                case ClientResult.Refused refused:
                    throw Refusal(connection, head, refused.Error);
                default:
                    throw Refusal(connection, head, null);
            }
        }
        catch (Exception error)
            when (error is not HandshakeRefusedException && connection.OpeningFailure is { } failure
            )
        {
            cancellation.ThrowIfCancellationRequested();
            if (failure is TimeoutException)
                throw new TimeoutException(
                    Invariant(
                        $"{uri.Authority} did not answer the opening handshake within {options.OpenTimeout}."
                    ),
                    error
                );
            throw;
        }
    }

    private HandshakeRefusedException Refusal(
        ClientConnection connection,
        ResponseHead head,
        ClientHandshakeError? error
    )
    {
        // What has changed to another protocol has no body.
        var response =
            head.StatusCode == 101
                ? RefusedAnswer.ToResponse(head)
                : connection.ReadRefusal(
                    head,
                    Settings,
                    new TimeLimit(connection.Uri.Authority, deadline, cancellation)
                );
        return HandshakeRefusedException.OfServer(head, response, error);
    }
}
