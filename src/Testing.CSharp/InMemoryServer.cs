using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// A server without an address, for tests: the code of <see cref="FunctionalWs.Server"/> on streams in memory. Handlers run
/// on threads of their own, hooks, limits and timeouts work as ever; there is no port, no kernel and no TLS. Dispose it at
/// the end of the test. All members may be called from any thread.
/// </summary>
/// <example>
/// <code>
/// using var server = InMemoryServer.Serve(Echo);
/// using var client = server.Connect();
/// client.Send("hello");
/// Assert.Equal("hello", client.Receive().Text);
/// </code>
/// </example>
public sealed class InMemoryServer : IDisposable
{
    private readonly Medium medium;
    private readonly object gate = new();
    private readonly List<Exception> handlerExceptions = [];
    private readonly List<TestClient> clients = [];
    private readonly bool isOfOthers;

    private InMemoryServer(Server server)
    {
        medium = new SystemMedium();
        isOfOthers = true;
        Server = server;
    }

    internal InMemoryServer(Action<ServerConnection> handler, ServerOptions? options, Medium medium)
    {
        this.medium = medium;
        Server = Server.ServeInMemory(
            connection => Watch(handler, connection),
            options ?? new ServerOptions()
        );
    }

    /// <summary>Makes a server with a handler.</summary>
    /// <param name="handler">The handler to test, called for each connection on its own thread.</param>
    /// <param name="options">
    /// Settings; null for the defaults. What is about listening and TLS has no effect. Give
    /// <see cref="ConnectionOptions.TimeProvider"/> a <see cref="ManualTimeProvider"/> to test what takes time.
    /// </param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Serve(
        Action<ServerConnection> handler,
        ServerOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new InMemoryServer(handler, options, new SystemMedium());
    }

    /// <summary>Makes a server with a handler that is asynchronous.</summary>
    /// <param name="handler">The handler to test, called for each connection on its own thread, which waits for the task.</param>
    /// <param name="options">Settings, as for a handler that blocks.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static InMemoryServer Serve(
        Func<ServerConnection, Task> handler,
        ServerOptions? options = null
    ) => Serve(HandlerContext.Blocking(handler), options);

    /// <summary>Makes a server with a handler that is called for each message.</summary>
    /// <param name="received">The handler to test, called with the connection and a message.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Serve(
        Action<ServerConnection, Message> received,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), options);

    /// <summary>Makes a server with an asynchronous handler that is called for each message.</summary>
    /// <param name="received">The handler to test: the next message of its connection waits for the task.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Serve(
        Func<ServerConnection, Message, Task> received,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(received), options);

    /// <summary>Makes a server that makes a message handler for each connection.</summary>
    /// <param name="make">Makes a connection's handler.</param>
    /// <param name="options">Settings, as for a handler of connections.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Serve(
        Func<ServerConnection, MessageHandler> make,
        ServerOptions? options = null
    ) => Serve(MessageHandler.ForEach(make), options);

    /// <summary>Makes a server with a router: its rules choose the handler by the path.</summary>
    /// <param name="router">The router to test.</param>
    /// <param name="options">Settings, as for <see cref="Serve(Action{ServerConnection}, ServerOptions?)"/>.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Route(Router router, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(router);
        return new InMemoryServer(router.Handle, router.WithRouting(options), new SystemMedium());
    }

    /// <summary>Makes a server with the rules of a router.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="options">Settings, as for <see cref="Serve(Action{ServerConnection}, ServerOptions?)"/>.</param>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public static InMemoryServer Route(UrlMap urlMap, ServerOptions? options = null) =>
        Route(new Router(urlMap), options);

    /// <summary>
    /// Connects clients in memory to a server that there is already, such as that of a host whose services have
    /// <c>UseInMemoryWebSocketServers()</c> of <c>FunctionalWs.Hosting</c>. Disposing this cuts its test clients off; the server goes on.
    /// </summary>
    /// <param name="server">A server that has been started.</param>
    public static InMemoryServer For(Server server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return new InMemoryServer(server);
    }

    /// <summary>The server: to look at its connections, to broadcast, to shut it down while clients look on.</summary>
    public Server Server { get; }

    /// <summary>
    /// What handlers have thrown, in order: a copy. A <see cref="ConnectionClosedException"/>, with which a handler ends when
    /// its client leaves, is not among them.
    /// </summary>
    /// <exception cref="InvalidOperationException">The server was made elsewhere: its log has them.</exception>
    public IReadOnlyList<Exception> HandlerExceptions
    {
        get
        {
            if (isOfOthers)
                throw new InvalidOperationException(
                    "What handlers throw is in the log of their server: this only connects clients to it."
                );
            lock (gate)
                return handlerExceptions.ToArray();
        }
    }

    /// <summary>Connects a client. The handshake is over when this returns; the handler runs on.</summary>
    /// <param name="target">Path and query of the request; <c>/</c> by default.</param>
    /// <param name="options">What the client is and sends; null for the defaults.</param>
    /// <exception cref="HandshakeRefusedException">The server gave another answer than 101; the exception has it.</exception>
    /// <exception cref="IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="TimeoutException">No answer came within <see cref="TestClientOptions.Timeout"/>.</exception>
    /// <exception cref="ArgumentException">The target or an option is wrong.</exception>
    public TestClient Connect(string target = "/", TestClientOptions? options = null)
    {
        var settings = Checked(options);
        var request = new TestRequest(target, settings);
        var pings = new PingCounter(settings.AnswersPings);
        var clientOptions = settings.ToClientOptions() with { PingReceived = pings.Count };
        var connecting = new Connecting(
            medium.Adapt(clientOptions),
            default,
            test: request.Handshake
        );
        var (atServer, atClient) = AdmitTest(settings);
        var connection = connecting.Over(atClient, TestRequest.Server);
        return Keep(new TestClient(connection, pings, atServer, medium, settings.Timeout));
    }

    /// <summary>
    /// Connects a client as a program has it, watched over and with its own limits and threads: for tests of programs that use
    /// <c>FunctionalWs.Client</c>. In a <see cref="Simulation"/> it runs on the simulation's threads, time and network.
    /// </summary>
    /// <param name="target">Path and query of the request; <c>/</c> by default.</param>
    /// <param name="options">
    /// Settings; null for the defaults. What is about the way to the server has no effect, nor has the clock in a simulation.
    /// </param>
    /// <returns>The connection, open. Dispose of it before the server.</returns>
    /// <exception cref="HandshakeRefusedException">The server gave another answer than 101.</exception>
    /// <exception cref="IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="ClientOptions.OpenTimeout"/>.</exception>
    /// <exception cref="UriFormatException">The target is none of a URI.</exception>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    public ClientConnection Open(string target = "/", ClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        var uri = WebSocketUri.Parse(Invariant($"ws://localhost{target}"));
        var connecting = new Connecting(medium.Adapt(options ?? new ClientOptions()), default);
        return connecting.Over(Admit(new TestClientOptions()).AtClient, uri);
    }

    /// <summary>Asks for a page as a browser would, without the headers of a WebSocket, and gives the answer.</summary>
    /// <param name="target">Path and query of the request; <c>/</c> by default.</param>
    /// <param name="options">What the client is and sends; null for the defaults.</param>
    /// <param name="method">The method; GET by default.</param>
    /// <returns>The answer, with its body.</returns>
    /// <exception cref="IOException">The server ended the stream without an answer.</exception>
    /// <exception cref="InvalidDataException">The answer breaks a rule of the protocol.</exception>
    /// <exception cref="TimeoutException">No answer came within <see cref="TestClientOptions.Timeout"/>.</exception>
    /// <exception cref="ArgumentException">The target, the method or an option is wrong.</exception>
    public Response Get(
        string target = "/",
        TestClientOptions? options = null,
        string method = "GET"
    )
    {
        var settings = Checked(options);
        var request = new TestRequest(target, settings).Plain(method);
        using var transport = AdmitTest(settings).AtClient;
        transport.Write(ResponseInput.ToBytes(request));
        return PlainAnswer.Read(transport, method);
    }

    /// <summary>
    /// Cuts all clients off and shuts the server down. A handler that doesn't return is given up after 5 seconds of real
    /// time; its thread doesn't keep the process alive. In a <see cref="Simulation"/> it is the one that doesn't return that
    /// makes the run fail.
    /// </summary>
    public void Dispose()
    {
        TestClient[] left;
        lock (gate)
        {
            left = [.. clients];
            clients.Clear();
        }
        foreach (var client in left)
            client.Dispose();
        if (!isOfOthers)
            medium.Stop(Server);
    }

    private static TestClientOptions Checked(TestClientOptions? options)
    {
        var settings = options ?? new TestClientOptions();
        settings.Validate();
        return settings;
    }

    private (ObservedTransport AtServer, Transport AtClient) AdmitTest(TestClientOptions settings)
    {
        var (atServer, atClient) = Admit(settings);
        return (atServer, new BoundedTransport(atClient, medium, settings.Timeout));
    }

    private (ObservedTransport AtServer, Transport AtClient) Admit(TestClientOptions settings)
    {
        if (Server.IsStopping)
            throw new InvalidOperationException("The server has been shut down.");
        var (atServer, atClient) = medium.CreatePair(settings);
        var observed = new ObservedTransport(atServer, settings.RemoteEndPoint);
        Server.Admit(observed);
        return (observed, atClient);
    }

    private TestClient Keep(TestClient client)
    {
        lock (gate)
            clients.Add(client);
        return client;
    }

    private void Watch(Action<ServerConnection> handler, ServerConnection connection)
    {
        try
        {
            handler(connection);
            HandlerContext.AwaitPending();
        }
        catch (Exception error)
        {
            if (error is not ConnectionClosedException)
            {
                lock (gate)
                    handlerExceptions.Add(error);
            }
            throw;
        }
    }
}
