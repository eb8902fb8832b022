using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection of a client, made by <see cref="Client"/>. All members may be called from any thread.
/// </summary>
public sealed partial class ClientConnection : WebSocketConnection, IDisposable
{
    private readonly ClientOptions options;
    private readonly ClientMetrics metrics;
    private readonly Watcher watcher;
    private long since;
    private int isDisposed;

    internal ClientConnection(
        WebSocketUri uri,
        Transport transport,
        ClientOptions options,
        Watcher watcher,
        Log log,
        ClientMetrics metrics,
        Deadline deadline
    )
        : base(transport, options, new ConnectionRules(options), null, watcher, log, metrics)
    {
        Uri = uri;
        this.options = options;
        this.watcher = watcher;
        this.metrics = metrics;
        abortAt = deadline.Timestamp;
    }

    /// <summary>Where it leads to: the URI that was asked for, or the one to which the server has redirected.</summary>
    public WebSocketUri Uri { get; }

    /// <summary>Nobody else reads until the end: there is no handler.</summary>
    private protected override bool MayReadToTheEnd => true;

    /// <summary>Asks the server for a WebSocket, on this thread. What the answer means is for the caller.</summary>
    /// <exception cref="IOException">The stream ended without an answer, or what came is none.</exception>
    internal ResponseHead Ask(Request request)
    {
        Asked = request;
        transport.Write(ResponseInput.ToBytes(request));
        var head = ReadHead();
        Answered = RefusedAnswer.ToResponse(head);
        return head;
    }

    private ResponseHead ReadHead() =>
        ResponseInput.Read(transport, driver.Input) switch
        {
            ResponseParse.Complete complete => complete.Head,
            ResponseParse.Malformed malformed => throw new IOException(
                Invariant($"The answer of {Uri.Authority} breaks a rule of HTTP: {malformed.Error}")
            ),
            null => throw new IOException(
                Invariant($"{Uri.Authority} has ended the stream without an answer."),
                OpeningFailure
            ),
            _ => throw new IOException(
                Invariant(
                    $"What {Uri.Authority} answers is no HTTP: something else listens there, or TLS."
                )
            ),
        };

    /// <summary>An answer that opens no connection, with its body.</summary>
    internal Response ReadRefusal(ResponseHead head, DialSettings settings, TimeLimit limit) =>
        RefusedAnswer.Read(
            transport,
            Request!.Method,
            head,
            ResponseInput.TakeRest(driver.Input),
            settings,
            limit
        );

    /// <summary>The answer opens the connection.</summary>
    /// <param name="agreement">What was agreed on; null for nothing.</param>
    /// <exception cref="IOException">The connection was given up before.</exception>
    internal void BecomeOpen(ClientAgreement? agreement)
    {
        if (!TryEndOpening())
            throw new IOException("The connection was given up.", OpeningFailure);
        Subprotocol = agreement?.Subprotocol;
        driver.Open(ExtensionsOf(agreement));
        since = options.TimeProvider.GetTimestamp();
        CountMessages();
        metrics.ConnectionOpened();
        isOpened = true;
        using (log.BeginConnection(this))
            log.ConnectionOpened(this);
    }

    private ExtensionChain ExtensionsOf(ClientAgreement? agreement) =>
        agreement?.Compression is { IsSome: true, Value: var terms }
            ? new ExtensionChain([
                new DeflateExtension(options.Compression!, Exchanged(terms), this),
            ])
            : ExtensionChain.Empty;

    /// <summary>The terms as the codec takes them, which is written for a server's side.</summary>
    private static DeflateAgreement Exchanged(DeflateAgreement agreement) =>
        new(
            serverNoContextTakeover: agreement.ClientNoContextTakeover,
            clientNoContextTakeover: agreement.ServerNoContextTakeover,
            serverMaxWindowBits: agreement.ClientMaxWindowBits,
            clientMaxWindowBits: agreement.ServerMaxWindowBits,
            parameters: agreement.Parameters
        );

    private protected override void EndMeasuring(Exception? failure)
    {
        if (!isOpened)
            return;
        driver.EndCounting();
        metrics.ConnectionEnded(
            options.TimeProvider.GetElapsedTime(since),
            ConnectionOutcome.Of(driver.Ending, failure, Role.Client)
        );
    }

    /// <summary>
    /// Closes the connection as <see cref="WebSocketConnection.Close(FunctionalWs.Protocol.CloseCode, string)"/> does without arguments, and gives back what it holds. Messages
    /// that have come can still be received. May be called again, and while others use the connection: they are told of its end.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
        {
            if (isOpened)
                WaitClosed();
            return;
        }
        try
        {
            if (isOpened)
                Close();
        }
        finally
        {
            scope = log.BeginConnection(this); // until the end
            if (isOpened)
                Guard.Run<ClientConnection>(this, connection => connection.LogEnd(), LifeFailed);
            End();
            watcher.Remove(this);
        }
    }
}
