using System.IO.Compression;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Compression of messages, the extension <c>permessage-deflate</c> (RFC 7692), and its settings. Immutable; checked when a
/// server is made with it. May be shared by servers.
/// </summary>
/// <remarks>
/// A compressed connection takes memory for each direction while it is in use, see each setting. Where the platform's zlib
/// can't be used every offer is declined, and a warning is logged once.
/// </remarks>
public sealed record PerMessageDeflate : IServerExtension
{
    private static readonly TimeSpan MaxSpan = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary><c>permessage-deflate</c>.</summary>
    public string Name => DeflateNegotiation.Name;

    /// <summary>
    /// True to compress each message by itself, without referring to earlier ones: larger messages, but no memory between
    /// them. False by default, which a client may overrule (RFC 7692 §7.1.1.1).
    /// </summary>
    public bool ServerNoContextTakeover { get; init; }

    /// <summary>
    /// True to have clients compress each message by itself; then a connection holds no memory between messages for it. False
    /// by default, which a client may overrule (RFC 7692 §7.1.1.2). Some clients don't keep to it, or refuse the handshake.
    /// </summary>
    public bool ClientNoContextTakeover { get; init; }

    /// <summary>
    /// The window for compressing, as a power of two: 9 to 15; null for 15. 12 by default. A client may ask for less; an
    /// offer that asks for 8 is declined, since zlib can't do that. Clients that didn't ask aren't told (RFC 7692 §7.1.2.1).
    /// </summary>
    public int? ServerMaxWindowBits { get; init; } = 12;

    /// <summary>
    /// The window that clients may use, as a power of two: 8 to 15; null for 15. 12 by default. It binds those only that say
    /// that they can be limited (RFC 7692 §7.1.2.2).
    /// </summary>
    public int? ClientMaxWindowBits { get; init; } = 12;

    /// <summary>
    /// True to decline offers from clients that can't be limited to <see cref="ClientMaxWindowBits"/>; false by default.
    /// </summary>
    public bool RequireClientMaxWindowBits { get; init; }

    /// <summary>How hard to try, from 0, which stores, over 1, the fastest, to 9, the smallest; 6 by default.</summary>
    public int Level { get; init; } = 6;

    /// <summary>The memory for compressing, from 1, the least, to 9; 5 by default.</summary>
    public int MemoryLevel { get; init; } = 5;

    /// <summary>What kind of data the messages are; of no special kind by default.</summary>
    public ZLibCompressionStrategy Strategy { get; init; } = ZLibCompressionStrategy.Default;

    /// <summary>
    /// The size below which a message is not compressed, in bytes: 0 or more; 64 by default. The sender's word overrules it;
    /// messages sent in fragments count as large.
    /// </summary>
    public int MinSize { get; init; } = 64;

    /// <summary>
    /// Decides on each message of at least <see cref="MinSize"/> whether it is compressed; null, the default, for all of
    /// them. The sender's word overrules it.
    /// </summary>
    public CompressionFilter? Filter { get; init; }

    /// <summary>
    /// The most that a message may inflate to, as a multiple of its size on the wire: 1 or more; null, the default, for no
    /// limit but <see cref="ConnectionOptions.MaxMessageSize"/>. Beyond it, and beyond 64 KiB, the connection is closed with
    /// 1008. JSON is seldom beyond 50; 1,032 is the most that can be.
    /// </summary>
    public int? MaxInflateRatio { get; init; }

    /// <summary>
    /// How long a connection that sends nothing keeps the memory for compressing: more than zero, at most some 24 days; null
    /// to keep it until the end. 10 seconds by default. After it, the next message is compressed without referring to
    /// earlier ones.
    /// </summary>
    public TimeSpan? QuietTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Agrees to an offer, or declines it (RFC 7692 §7.1).</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="offer">The parameters that the client offers.</param>
    public Extension? Negotiate(
        ServerConnection connection,
        IReadOnlyList<ExtensionParameter> offer
    )
    {
        if (!ZLib.IsAvailable)
            return null;
        var result = DeflateNegotiation.Accept(ToPolicy(), offer);
        return result.IsOk ? new DeflateExtension(this, result.ResultValue, connection) : null;
    }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is out of its range.</exception>
    internal void Validate()
    {
        CheckRange(ServerMaxWindowBits ?? 15, 9, 15, nameof(ServerMaxWindowBits));
        CheckRange(ClientMaxWindowBits ?? 15, 8, 15, nameof(ClientMaxWindowBits));
        if (RequireClientMaxWindowBits && ClientMaxWindowBits is null)
            throw new ArgumentException(
                Invariant(
                    $"{nameof(RequireClientMaxWindowBits)} needs {nameof(ClientMaxWindowBits)} to be set, from 8 to 15."
                ),
                nameof(RequireClientMaxWindowBits)
            );
        CheckRange(Level, 0, 9, nameof(Level));
        CheckRange(MemoryLevel, 1, 9, nameof(MemoryLevel));
        CheckRange((int)Strategy, 0, 4, nameof(Strategy));
        CheckRange(MinSize, 0, int.MaxValue, nameof(MinSize));
        CheckRange(MaxInflateRatio ?? 1, 1, int.MaxValue, nameof(MaxInflateRatio));
        var isForEver = QuietTime is null || QuietTime == Timeout.InfiniteTimeSpan;
        if (!isForEver && (QuietTime <= TimeSpan.Zero || QuietTime > MaxSpan))
            throw new ArgumentOutOfRangeException(
                nameof(QuietTime),
                QuietTime,
                Invariant(
                    $"{nameof(QuietTime)} is more than zero and at most {MaxSpan}, or null or Timeout.InfiniteTimeSpan for ever."
                )
            );
    }

    private DeflatePolicy ToPolicy() =>
        DeflatePolicy.Create(
            ServerNoContextTakeover,
            ClientNoContextTakeover,
            ServerMaxWindowBits,
            ClientMaxWindowBits,
            RequireClientMaxWindowBits
        );

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

/// <summary>Decides whether a message is compressed, such as one that is compressed already. Used by many threads.</summary>
/// <param name="connection">The connection that it is sent on.</param>
/// <param name="kind">Whether it is text or bytes.</param>
/// <param name="data">Its bytes; of a message in fragments the first one.</param>
/// <returns>True to compress it.</returns>
/// <remarks>What it throws is thrown by the call that sends; nothing is sent then.</remarks>
public delegate bool CompressionFilter(
    WebSocketConnection connection,
    MessageKind kind,
    ReadOnlySpan<byte> data
);
