namespace FunctionalWs.Testing;

/// <summary>What a server in memory and its clients live in: a network, and a way for threads to wait for each other.</summary>
internal abstract class Medium
{
    /// <summary>What the clients' timeouts are measured with.</summary>
    public abstract TimeProvider Clock { get; }

    /// <summary>Makes both ends of a stream.</summary>
    public abstract (Transport Server, Transport Client) CreatePair(TestClientOptions options);

    /// <summary>A client's options, for a connection in this medium.</summary>
    public abstract ClientOptions Adapt(ClientOptions options);

    /// <summary>Waits for something that another thread does; false when the time was up first.</summary>
    public abstract bool WaitUntil(Func<bool> condition, Deadline deadline);

    /// <summary>Waits until a stream takes bytes, or may do so; false when the time was up first.</summary>
    public abstract bool WaitWritable(Transport transport, Deadline deadline);

    /// <summary>Shuts a server down.</summary>
    public abstract void Stop(Server server);
}

/// <summary>The system's threads and time.</summary>
internal sealed class SystemMedium : Medium
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public override TimeProvider Clock => TimeProvider.System;

    public override (Transport Server, Transport Client) CreatePair(TestClientOptions options) =>
        options.Network is null
            ? MemoryTransport.CreatePair(options.BufferSize)
            : throw new ArgumentException(
                Invariant(
                    $"{nameof(TestClientOptions.Network)} is for clients in a {nameof(Simulation)}."
                ),
                nameof(options)
            );

    public override ClientOptions Adapt(ClientOptions options) => options with { Proxy = null };

    public override bool WaitUntil(Func<bool> condition, Deadline deadline) =>
        SpinWait.SpinUntil(
            condition,
            WaitingTime.ToWait(deadline.IsNever ? null : deadline.Remaining)
        );

    public override bool WaitWritable(Transport transport, Deadline deadline)
    {
        Thread.Yield();
        return !deadline.HasPassed;
    }

    /// <summary>Not waited for on this thread: the options' clock, which may stand still, is what bounds a shutdown.</summary>
    public override void Stop(Server server)
    {
        var stopped = new ManualResetEventSlim();
        new Thread(() =>
        {
            Guard.Run(() => server.Shutdown()); // the clock that it asks may be one that throws
            stopped.Set();
        })
        {
            IsBackground = true,
            Name = "FunctionalWs shutdown",
        }.UnsafeStart();
        stopped.Wait(Patience);
    }
}
