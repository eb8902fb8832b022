namespace FunctionalWs.Testing;

/// <summary>The threads, the time and the network of a simulation.</summary>
internal sealed class SimulatedMedium(SimulatedScheduler scheduler, Random random) : Medium
{
    private readonly List<SimulatedLink> links = [];

    /// <summary>The connections, in the order in which clients made them.</summary>
    public IReadOnlyList<SimulatedLink> Links => links;

    private NetworkConditions DefaultConditions =>
        scheduler.IsExploring ? new NetworkConditions() : NetworkConditions.Reliable(random);

    public override TimeProvider Clock => scheduler.Clock;

    public override (Transport Server, Transport Client) CreatePair(TestClientOptions options)
    {
        var conditions = options.Network ?? DefaultConditions;
        var number = links.Count + 1;
        var link = new SimulatedLink(scheduler, conditions, random, options.BufferSize, number);
        links.Add(link);
        link.ToServer.Strike();
        link.ToClient.Strike();
        var server = new SimulatedTransport(link, link.ToServer, link.ToClient);
        var client = new SimulatedTransport(link, link.ToClient, link.ToServer);
        return options.HasRecords
            ? (new RecordTransport(server, link), new RecordTransport(client, link))
            : (server, client);
    }

    public override ClientOptions Adapt(ClientOptions options) =>
        options with
        {
            Proxy = null,
            TimeProvider = scheduler.Clock,
            Scheduler = scheduler,
        };

    public override bool WaitUntil(Func<bool> condition, Deadline deadline) =>
        scheduler.Block(condition, deadline.Timestamp, "something");

    public override bool WaitWritable(Transport transport, Deadline deadline) =>
        ((SimulatedTransport)transport.Bottom).WaitWritable(deadline);

    public override void Stop(Server server) => server.Shutdown();
}
