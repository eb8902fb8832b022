using System.Diagnostics.Metrics;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionalWs;

/// <summary>
/// Settings of a <see cref="Server"/>. Immutable; every value is checked once, when a server is made with it. Where a time may be
/// null for no limit, <see cref="Timeout.InfiniteTimeSpan"/> means the same.
/// </summary>
public sealed partial record ServerOptions
{
    // Below this no byte bound is worth its wake-ups.
    private const long MinReadAhead = 64 * 1024;
    private const int MinStackSize = 128 * 1024;
    private const long MinBufferedBytes = 1024 * 1024;
    private const int MaxStackSize = 1024 * 1024 * 1024;

    private static readonly TimeSpan MaxSpan = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>
    /// The time from accepting a connection until its request has arrived completely, and once more for the client to take
    /// the answer: more than zero, at most some 24 days; null for no limit. 10 seconds by default. A client that takes longer
    /// is disconnected. The time of hooks doesn't count.
    /// </summary>
    public TimeSpan? OpenTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The time that a closing may take, from the first close frame to the end: more than zero, at most some 24 days; null
    /// for no limit. 10 seconds by default. A connection that takes longer is cut (RFC 6455 §7.1).
    /// </summary>
    public TimeSpan? CloseTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The time between two pings of the keepalive: more than zero, at most some 24 days; null for no keepalive and no
    /// measured <see cref="ServerConnection.Latency"/>. 20 seconds by default (RFC 6455 §5.5.2).
    /// </summary>
    public TimeSpan? PingInterval { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// The time from a keepalive ping until something has to come from the peer, its pong or anything else: more than zero,
    /// at most some 24 days; null to send pings and expect nothing. 20 seconds by default. A peer that says nothing is cut
    /// at once; while this side has stopped reading, none counts as silent.
    /// </summary>
    public TimeSpan? PingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// The time that a call may wait for a peer that does not read: more than zero, at most some 24 days; null, the default,
    /// for no limit. A connection on which it passes is cut. Noticed some 20 ms late.
    /// </summary>
    public TimeSpan? SendTimeout { get; init; }

    /// <summary>
    /// The time that a message may take to arrive, from its first byte to its last: more than zero, at most some 24 days;
    /// null, the default, for no limit. A slower one fails the connection with 1008. Noticed some 20 ms late.
    /// </summary>
    public TimeSpan? MessageTimeout { get; init; }

    /// <summary>
    /// The largest message that is accepted, in bytes of payload: 0 to 2,147,483,591; null for the most that an array can
    /// hold. 1 MiB by default. A larger one closes the connection with 1009.
    /// </summary>
    public int? MaxMessageSize { get; init; } = 1024 * 1024;

    /// <summary>
    /// The largest frame of a message that is accepted, in bytes of payload: 0 or more; null, the default, for no limit but
    /// <see cref="MaxMessageSize"/>. A larger one closes the connection with 1009.
    /// </summary>
    public int? MaxFragmentSize { get; init; }

    /// <summary>
    /// The most frames of which one message may consist: 1 or more, 262,144 by default. More close the connection with 1008.
    /// Memory is bounded in bytes, in which each frame counts; this bounds the work for one message, and by default no client
    /// that means well meets it: 1 MiB in frames of 4 bytes each.
    /// </summary>
    public int MaxFragments { get; init; } = 262_144;

    /// <summary>
    /// The number of messages read ahead for a handler that is not receiving, before reading stops: 1 or more; null for no
    /// limit. 16 by default. Twice <see cref="MaxMessageSize"/> in bytes stops it too. A full queue never hides a ping, a
    /// pong or a close: what lies before them is read all the same, within the bound in bytes.
    /// </summary>
    public int? MaxQueue { get; init; } = 16;

    /// <summary>
    /// The number of messages at which reading ahead goes on: 0 to <see cref="MaxQueue"/>; null, the default, for a quarter
    /// of it.
    /// </summary>
    public int? MaxQueueLow { get; init; }

    /// <summary>
    /// True, the default, to refuse text that is not UTF-8 with 1007 as its bytes arrive (RFC 6455 §8.1); false for relays
    /// that pass text on unread.
    /// </summary>
    public bool ValidateText { get; init; } = true;

    /// <summary>
    /// True, the default, to send small messages together while further complete messages wait in the receive buffer. They
    /// leave before <c>Receive</c> would wait, with <c>Flush</c>, or after a few milliseconds at the latest.
    /// </summary>
    public bool CoalesceOutput { get; init; } = true;

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

    /// <summary>Where the server writes its log; nowhere by default.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>
    /// Where the server gets its meter <c>FunctionalWs</c> from, as the hosts of .NET provide it; null, the default, for one
    /// that all servers of the process have in common.
    /// </summary>
    public IMeterFactory? MeterFactory { get; init; }

    /// <summary>
    /// How much is kept of each connection's last steps, for <see cref="ServerConnection.Recording"/> and, when the connection
    /// ends abnormally, for the log. Null, the default, keeps nothing.
    /// </summary>
    public FlightRecorderOptions? FlightRecorder { get; init; }

    /// <summary>The clock of all timeouts; the system's by default.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>How threads start and wait; a simulation has its own way.</summary>
    internal Scheduler Scheduler { get; init; } = Scheduler.System;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range.</exception>
    internal void Validate()
    {
        CheckSpan(OpenTimeout, nameof(OpenTimeout));
        CheckSpan(CloseTimeout, nameof(CloseTimeout));
        CheckSpan(PingInterval, nameof(PingInterval));
        CheckSpan(PingTimeout, nameof(PingTimeout));
        CheckSpan(SendTimeout, nameof(SendTimeout));
        CheckSpan(MessageTimeout, nameof(MessageTimeout));
        CheckRange(MaxMessageSize ?? 0, 0, Array.MaxLength, nameof(MaxMessageSize));
        CheckRange(MaxFragmentSize ?? 0, 0, int.MaxValue, nameof(MaxFragmentSize));
        CheckRange(MaxFragments, 1, int.MaxValue, nameof(MaxFragments));
        CheckRange(MaxQueue ?? 1, 1, int.MaxValue, nameof(MaxQueue));
        CheckRange(MaxQueueLow ?? 0, 0, MaxQueue ?? int.MaxValue, nameof(MaxQueueLow));
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
        FlightRecorder?.Validate();
        ValidateHandshake();
        ValidateListening();
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }

    internal ConnectionSettings ToConnectionSettings(ReservedBits bits = ReservedBits.None) =>
        new(
            Role.Server,
            Limits.Create(
                MaxMessageSize ?? Array.MaxLength,
                MaxFragmentSize ?? Limits.Unlimited,
                MaxFragments
            ),
            validateText: ValidateText,
            reservedBits: bits,
            allowLongLengths: false
        );

    /// <summary>How far a connection may be read ahead.</summary>
    internal ReadAhead ToReadAhead()
    {
        if (MaxQueue is not { } high)
            return ReadAhead.Unlimited;
        var bytes = Math.Max(2L * (MaxMessageSize ?? Array.MaxLength), MinReadAhead);
        return ReadAhead.Create(high, MaxQueueLow ?? high / 4, bytes);
    }

    /// <summary>How long things may take; the opening handshake is the connection's own to time.</summary>
    internal Timeouts ToTimeouts()
    {
        static TimeSpan Limit(TimeSpan? time) =>
            time is { } limit && limit != Timeout.InfiniteTimeSpan ? limit : TimeSpan.MaxValue;

        return Timeouts
            .Never.WithClosing(Limit(CloseTimeout))
            .WithPing(Limit(PingInterval), Limit(PingTimeout))
            .WithMessage(Limit(MessageTimeout))
            .WithSending(Limit(SendTimeout));
    }

    private static void CheckSpan(TimeSpan? span, string name)
    {
        var isLimit = span is not null && span != Timeout.InfiniteTimeSpan;
        if (isLimit && (span <= TimeSpan.Zero || span > MaxSpan))
            throw new ArgumentOutOfRangeException(
                name,
                span,
                Invariant(
                    $"{name} is more than zero and at most {MaxSpan}, or null or Timeout.InfiniteTimeSpan for no limit."
                )
            );
    }

    private static void CheckRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
            throw new ArgumentOutOfRangeException(
                name,
                value,
                Invariant($"{name} is from {min} to {max}.")
            );
    }
}
