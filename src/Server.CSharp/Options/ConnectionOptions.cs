using System.Diagnostics.Metrics;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace FunctionalWs;

/// <summary>
/// Settings of connections that servers and clients have in common. Immutable. Where a time may be null for no limit,
/// <see cref="Timeout.InfiniteTimeSpan"/> means the same.
/// </summary>
public abstract record ConnectionOptions
{
    // Below this no byte bound is worth its wake-ups.
    private const long MinReadAhead = 64 * 1024;

    private static readonly TimeSpan MaxSpan = TimeSpan.FromMilliseconds(int.MaxValue);

    private protected ConnectionOptions() { }

    /// <summary>
    /// The time that a closing may take, from the first close frame to the end: more than zero, at most some 24 days; null
    /// for no limit. 10 seconds by default. A connection that takes longer is cut (RFC 6455 §7.1).
    /// </summary>
    public TimeSpan? CloseTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The time between two pings of the keepalive: more than zero, at most some 24 days; null for no keepalive and no
    /// measured <see cref="WebSocketConnection.Latency"/>. 20 seconds by default (RFC 6455 §5.5.2).
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
    /// The number of messages read ahead while nobody receives, before reading stops: 1 or more; null for no
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
    /// Compression of messages, which the peer is free to use or not; null to have none. On by default, with windows of 4 KiB (RFC
    /// 7692).
    /// </summary>
    public PerMessageDeflate? Compression { get; init; } = new();

    /// <summary>
    /// Where the log is written. Warnings and errors go to standard error by default, what a handler throws among them:
    /// <see cref="ConsoleLog.Warnings"/>. <see cref="ConsoleLog.Information"/> tells more, <c>NullLoggerFactory.Instance</c> nothing.
    /// </summary>
    public ILoggerFactory LoggerFactory { get; init; } = ConsoleLog.Warnings;

    /// <summary>
    /// Where the meter <c>FunctionalWs</c> comes from, as the hosts of .NET provide it; null, the default, for one that the whole
    /// process has in common.
    /// </summary>
    public IMeterFactory? MeterFactory { get; init; }

    /// <summary>
    /// How much is kept of each connection's last steps, for <see cref="WebSocketConnection.Recording"/> and, when the connection
    /// ends abnormally, for the log. Null, the default, keeps nothing.
    /// </summary>
    public FlightRecorderOptions? FlightRecorder { get; init; }

    /// <summary>The clock of all timeouts; the system's by default.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>How threads start and wait; a simulation has its own way.</summary>
    internal Scheduler Scheduler { get; init; } = Scheduler.System;

    /// <summary>Told of each ping, and says whether it is answered; null where all are. A client of tests has its own way.</summary>
    internal Func<bool>? PingReceived { get; init; }

    /// <summary>Checks every value that servers and clients have in common.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range.</exception>
    private protected void ValidateConnection()
    {
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
        Compression?.Validate();
        FlightRecorder?.Validate();
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }

    /// <summary>Which side of connections this is.</summary>
    internal abstract Role Role { get; }

    /// <summary>A copy with another value of what both kinds have, each with a meaning of its own.</summary>
    internal abstract ConnectionOptions WithOpenTimeout(TimeSpan? time);

    /// <inheritdoc cref="WithOpenTimeout"/>
    internal abstract ConnectionOptions WithSubprotocols(IReadOnlyList<string> names);

    internal ConnectionSettings ToConnectionSettings(
        ReservedBits bits = ReservedBits.None,
        int? maxMessageSize = null
    ) =>
        new(
            Role,
            Limits.Create(
                maxMessageSize ?? MaxMessageSize ?? Array.MaxLength,
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

    private protected static void CheckSpan(TimeSpan? span, string name)
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

    internal static void CheckRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
            throw new ArgumentOutOfRangeException(
                name,
                value,
                Invariant($"{name} is from {min} to {max}.")
            );
    }
}
