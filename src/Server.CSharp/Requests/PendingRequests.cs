using System.Collections.Concurrent;

namespace FunctionalWs;

/// <summary>
/// Requests to a peer that wait for their responses: what ties them is a number, in a protocol of the application's own. The wait
/// ends with the response, a timeout, or the end of the connection. Safe from any thread. <see cref="RequestChannel"/> is the same with
/// a protocol of ours.
/// </summary>
/// <remarks>
/// Somebody has to receive meanwhile, and bring the responses to <see cref="TryAnswer"/>: usually the handler. So a handler doesn't
/// wait for a response on its own thread, and a handler for messages doesn't return a task that does.
/// </remarks>
/// <typeparam name="TResponse">What the application makes of a response.</typeparam>
public sealed class PendingRequests<TResponse>
{
    private readonly WebSocketConnection connection;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<TResponse>> pending = [];
    private long last;
    private volatile int taker; // the thread that has last brought something

    /// <summary>Makes a place for requests to one peer; none are pending.</summary>
    /// <param name="connection">The peer's connection.</param>
    public PendingRequests(WebSocketConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        this.connection = connection;
    }

    /// <summary>The number of requests that wait for their responses.</summary>
    public int Count => pending.Count;

    /// <summary>Sends a request and waits for its response, on this thread.</summary>
    /// <param name="send">
    /// Called once, on this thread, to send the request with the number that it is given: from 1 on, each another. What it throws is
    /// thrown on.
    /// </param>
    /// <param name="timeout">
    /// How long at most, by the connection's clock, sending included; zero not to wait. Null, the default, and
    /// <see cref="Timeout.InfiniteTimeSpan"/> wait for as long as the connection lives.
    /// </param>
    /// <returns>The response.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No response came in time. One that comes later is none.</exception>
    /// <exception cref="InvalidOperationException">
    /// This is the thread that receives, or a call of a message handler: the response could never come.
    /// </exception>
    /// <exception cref="ConnectionClosedException">The connection has ended, or is about to, without a response.</exception>
    /// <exception cref="Exception">What <see cref="TryFail"/> was given.</exception>
    public TResponse Ask(Action<long> send, TimeSpan? timeout = null)
    {
        using var request = Begin(send, timeout, CancellationToken.None);
        if (!request.Response.IsCompleted)
            connection.RequireOtherReceiver(taker);
        connection.Scheduler.Await(request.Response);
        return request.Response.GetAwaiter().GetResult();
    }

    /// <summary>Sends a request on this thread; the task waits for its response.</summary>
    /// <param name="send">Called once, before this returns, as for <see cref="Ask"/>.</param>
    /// <param name="timeout">How long at most, as for <see cref="Ask"/>.</param>
    /// <param name="cancellationToken">Ends the wait, and nothing else: a response that comes later is none.</param>
    /// <returns>The response, or what <see cref="Ask"/> throws.</returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled: of the task.</exception>
    public async Task<TResponse> AskAsync(
        Action<long> send,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        using var request = Begin(send, timeout, cancellationToken);
        return await request.Response.ConfigureAwait(connection.Scheduler.IsSimulated);
    }

    /// <summary>Brings a response to who waits for it.</summary>
    /// <param name="id">The number of the request, as the peer says.</param>
    /// <param name="response">The response.</param>
    /// <returns>False when nobody waits: it is too late, or there was no such request.</returns>
    public bool TryAnswer(long id, TResponse response)
    {
        Taken();
        return pending.TryRemove(id, out var request) && request.TrySetResult(response);
    }

    /// <summary>This thread has looked at a message.</summary>
    internal void Taken() => taker = Environment.CurrentManagedThreadId;

    /// <summary>Tells who waits for a response that there is none.</summary>
    /// <param name="id">The number of the request, as the peer says.</param>
    /// <param name="error">What is thrown there.</param>
    /// <returns>False when nobody waits: it is too late, or there was no such request.</returns>
    public bool TryFail(long id, Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return pending.TryRemove(id, out var request) && request.TrySetException(error);
    }

    private Request Begin(Action<long> send, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(send);
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        cancellationToken.ThrowIfCancellationRequested();
        var request = new Request(this, Interlocked.Increment(ref last));
        try
        {
            request.Start(timeout, cancellationToken);
            send(request.Id);
            return request;
        }
        catch
        {
            _ = request.Response.Exception; // whoever waits would have seen it
            request.Dispose();
            throw;
        }
    }

    /// <summary>One request, from before it is sent until nobody waits any more.</summary>
    private sealed class Request : IDisposable
    {
        // Whoever brings a response doesn't run what waits for it.
        private readonly TaskCompletionSource<TResponse> source = new(
            TaskCreationOptions.RunContinuationsAsynchronously
        );

        private readonly PendingRequests<TResponse> requests;
        private CancellationTokenRegistration closed;
        private CancellationTokenRegistration canceled;
        private ITimer? timer;
        private TimeSpan? timeout;
        private long receives; // before it

        public Request(PendingRequests<TResponse> requests, long id)
        {
            this.requests = requests;
            Id = id;
            requests.pending[id] = source; // before it leaves: the response may be quick
        }

        public long Id { get; }

        public Task<TResponse> Response => source.Task;

        public void Start(TimeSpan? timeout, CancellationToken cancellationToken)
        {
            this.timeout = timeout;
            receives = requests.connection.Receives;
            closed = requests.connection.Closed.UnsafeRegister(
                static request => ((Request)request!).Close(),
                this
            );
            canceled = cancellationToken.UnsafeRegister(
                static (request, token) => ((Request)request!).source.TrySetCanceled(token),
                this
            );
            timer = requests.connection.Clock.AfterWaiting(timeout, Expiring, this);
        }

        public void Dispose()
        {
            requests.pending.TryRemove(Id, out _);
            timer?.Dispose();
            canceled.Unregister(); // one that is under way comes too late
            closed.Unregister();
        }

        private void Close() => source.TrySetException(requests.connection.ClosedException());

        // On a thread of the clock, which nothing ends.
        private static readonly TimerCallback Expiring = request =>
            Guard.Run(
                (Request)request!,
                static request => request.Expire(),
                static (request, error) => request.source.TrySetException(error)
            );

        private void Expire() =>
            source.TrySetException(
                requests.connection.NoAnswer(
                    Invariant($"Request {Id} was not answered within {timeout}."),
                    receives
                )
            );
    }
}
