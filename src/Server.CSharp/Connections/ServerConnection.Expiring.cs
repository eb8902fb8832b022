using System.Buffers.Binary;
using System.Security.Claims;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>How long a connection may live.</content>
public partial class ServerConnection
{
    private static readonly CloseStatus Expired = CloseStatus.Create(
        Protocol.CloseCode.PolicyViolation,
        "credentials expired"
    );

    private static readonly CloseStatus LivedLong = CloseStatus.Create(
        Protocol.CloseCode.GoingAway,
        "maximum lifetime"
    );

    private volatile Expiry? expiry;
    private long livesUntil = long.MaxValue;

    private sealed record Expiry(DateTimeOffset Until, long At, CloseStatus Status);

    /// <summary>
    /// Until when <see cref="User"/> is who the client is, as <see cref="Renew"/> was told; null, the default, for as long as the
    /// connection lives.
    /// </summary>
    public DateTimeOffset? ValidUntil => expiry?.Until;

    /// <summary>
    /// Tells who the client is and until when, at first in an authenticating hook and again whenever it has shown new credentials, over
    /// this connection or elsewhere. The connection is closed within a second after that time, unless it was renewed before. May be called
    /// by any thread.
    /// </summary>
    /// <param name="user">The client; null for nobody.</param>
    /// <param name="until">By the clock of the options, as it goes from now on; null for as long as the connection lives.</param>
    /// <param name="status">
    /// What the client is told then; 1008 and <c>credentials expired</c> by default. In the middle of a message in fragments it is told
    /// 1011: that can't be completed.
    /// </param>
    public void Renew(ClaimsPrincipal? user, DateTimeOffset? until, CloseStatus? status = null)
    {
        User = user;
        expiry = until is { } time ? new Expiry(time, TimestampOf(time), status ?? Expired) : null;
    }

    private protected override void Age(long now)
    {
        if (now >= livesUntil)
            driver.StartClose(LivedLong);
        else if (expiry is { } over && now >= over.At)
            driver.StartClose(over.Status);
    }

    private void BeginAging()
    {
        if (options.MaxLifetime is not { } time)
            return;
        Span<byte> random = stackalloc byte[4];
        options.Scheduler.Fill(random);
        var share = BinaryPrimitives.ReadUInt32LittleEndian(random) / (double)uint.MaxValue;
        livesUntil = Deadline.After(options.TimeProvider, time * (1 - share / 10)).Timestamp;
    }

    private long TimestampOf(DateTimeOffset time)
    {
        var left = time - options.TimeProvider.GetUtcNow();
        return Deadline
            .After(options.TimeProvider, left > TimeSpan.Zero ? left : TimeSpan.Zero)
            .Timestamp;
    }
}
