using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Settings of a <see cref="Server"/>. Immutable; every value is checked once, when a server is made with it.
/// </summary>
public sealed partial record ServerOptions : ConnectionOptions
{
    private const int MinStackSize = 128 * 1024;
    private const long MinBufferedBytes = 1024 * 1024;
    private const int MaxStackSize = 1024 * 1024 * 1024;

    /// <summary>
    /// The time from accepting a connection until its request has arrived completely, and once more for the client to take
    /// the answer: more than zero, at most some 24 days; null for no limit. 10 seconds by default. A client that takes longer
    /// is disconnected. The time of hooks doesn't count.
    /// </summary>
    public TimeSpan? OpenTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a connection lives at most, from its opening: more than zero, at most some 24 days; null, the default, for no limit. Each
    /// lives up to a tenth less, so that those which came together don't come back together; then it is closed with 1001, or with 1011 in the middle of a message that is sent in fragments. For clients
    /// that are to be spread anew over several servers, for instance.
    /// </summary>
    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>
    /// The most connections at a time, handshakes included: 1 or more, 10,000 by default. Further clients are answered with
    /// 503. The server takes less where the machine's limits on threads, memory maps and descriptors need it: see
    /// <see cref="Server.MaxConnections"/>.
    /// </summary>
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>
    /// The most handshakes that may be pending at a time: 1 or more; null, the default, for no limit but
    /// <see cref="MaxConnections"/>. Further clients are answered with 503.
    /// </summary>
    public int? MaxPendingHandshakes { get; init; }

    /// <summary>
    /// The most connections at a time from one IPv4 address or one /64 of IPv6: 1 or more; null, the default, for no limit.
    /// Further clients are answered with 503. Behind trusted proxies the client's address counts, from when it is known; with
    /// <see cref="ProxyProtocol"/> and TLS a further client is dropped instead, as no handshake has begun then. Trusted proxies
    /// themselves are not counted, nor are peers without an address, as those of Unix sockets.
    /// </summary>
    public int? MaxConnectionsPerAddress { get; init; }

    /// <summary>
    /// The size of a connection's thread's stack, in bytes: 131,072 (128 KiB) to 1,073,741,824; null, the default, for the
    /// system's, 8 MiB on most. It is an address range: only pages that were touched take memory. A handler that recurses
    /// deeply needs more, a process whose addresses are limited takes less.
    /// </summary>
    public int? ThreadStackSize { get; init; }

    /// <summary>
    /// The most threads that call message handlers at a time (see <see cref="MessageHandler"/>): 1 or more, 256 by default. A handler
    /// that blocks keeps one to itself; when all do, messages wait until one returns, and the log tells.
    /// </summary>
    public int MaxMessageThreads { get; init; } = 256;

    /// <summary>
    /// The memory that broadcast messages may take which wait for one peer, in bytes: 0 or more, 1 MiB by default. A message
    /// counts with 104 bytes more than its frame, which is what it takes to keep it. One that doesn't fit beside others is a
    /// matter for <see cref="SlowPeerPolicy"/>; one alone may always wait.
    /// </summary>
    public int MaxBroadcastQueue { get; init; } = 1024 * 1024;

    /// <summary>
    /// The memory that what waits in all connections together may take, in bytes: 1,048,576 or more; null, the default, for no
    /// limit. Counted are messages that were received, in part as well, and that no handler has taken, and broadcast messages
    /// that wait for peers; one that waits for many counts once, and with 16 bytes for each of them. From half of it on, those
    /// connections that have more than 16,384 bytes unread are read no further, the newest first; each may have some 20,480 bytes
    /// whatever others have, and a handler that waits in <c>Receive</c> gets its message. Beyond it a broadcast message that
    /// would have to wait beside others is a matter for <see cref="SlowPeerPolicy"/>.
    /// </summary>
    public long? MaxBufferedBytes { get; init; }

    /// <summary>
    /// What becomes of a broadcast message for a peer that doesn't read fast enough: by default, the peer doesn't get it.
    /// </summary>
    public SlowPeerPolicy SlowPeerPolicy { get; init; } = SlowPeerPolicy.Skip;

    internal override Role Role => Role.Server;

    internal override ConnectionOptions WithOpenTimeout(TimeSpan? time) =>
        this with
        {
            OpenTimeout = time,
        };

    internal override ConnectionOptions WithSubprotocols(IReadOnlyList<string> names) =>
        this with
        {
            Subprotocols = names,
        };

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range.</exception>
    internal void Validate()
    {
        ValidateConnection();
        CheckSpan(OpenTimeout, nameof(OpenTimeout));
        CheckSpan(MaxLifetime, nameof(MaxLifetime));
        CheckRange(MaxConnections, 1, int.MaxValue, nameof(MaxConnections));
        CheckRange(MaxPendingHandshakes ?? 1, 1, int.MaxValue, nameof(MaxPendingHandshakes));
        CheckRange(
            MaxConnectionsPerAddress ?? 1,
            1,
            int.MaxValue,
            nameof(MaxConnectionsPerAddress)
        );
        CheckRange(
            ThreadStackSize ?? MinStackSize,
            MinStackSize,
            MaxStackSize,
            nameof(ThreadStackSize)
        );
        CheckRange(MaxMessageThreads, 1, int.MaxValue, nameof(MaxMessageThreads));
        CheckRange(MaxBroadcastQueue, 0, int.MaxValue, nameof(MaxBroadcastQueue));
        if (MaxBufferedBytes < MinBufferedBytes)
            throw new ArgumentOutOfRangeException(
                nameof(MaxBufferedBytes),
                MaxBufferedBytes,
                Invariant(
                    $"{nameof(MaxBufferedBytes)} is {MinBufferedBytes} or more, or null for no limit."
                )
            );
        if (!Enum.IsDefined(SlowPeerPolicy))
            throw new ArgumentOutOfRangeException(
                nameof(SlowPeerPolicy),
                SlowPeerPolicy,
                Invariant(
                    $"{nameof(SlowPeerPolicy)} is one of {string.Join(", ", Enum.GetNames<SlowPeerPolicy>())}."
                )
            );
        ValidateHandshake();
        ValidateListening();
    }
}
