using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// One message to many connections. It is made into a frame once, and compressed once for all that have agreed on the same
/// window; no connection is waited for: what a peer doesn't read now waits in a queue of its own, up to
/// <see cref="ServerOptions.MaxBroadcastQueue"/>. May be called from any thread. What the connections' sequence throws, and a
/// <see cref="CompressionFilter"/>, is thrown on; nobody was sent anything then.
/// </summary>
/// <remarks>
/// Of the extensions only <c>permessage-deflate</c> is applied. A connection that has compressed messages with reference to
/// earlier ones starts anew after a compressed broadcast.
/// </remarks>
public static partial class Broadcast
{
    private static readonly Command TextMessage = Command.NewMessage(DataKind.Text);
    private static readonly Command BinaryMessage = Command.NewMessage(DataKind.Binary);

    private static readonly CloseStatus TooSlow = CloseStatus.Create(
        CloseCode.TryAgainLater,
        "too slow"
    );

    /// <summary>Sends a text message.</summary>
    /// <param name="connections">To whom; those that are not open are passed over.</param>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    public static BroadcastResult Send(
        IEnumerable<ServerConnection> connections,
        string text,
        bool? compress = null
    ) => Send(connections, MessageKind.Text, Utf8Text.Encode(text), compress);

    /// <summary>Sends a binary message.</summary>
    /// <param name="connections">To whom; those that are not open are passed over.</param>
    /// <param name="data">The bytes, which are copied; may be empty.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    public static BroadcastResult Send(
        IEnumerable<ServerConnection> connections,
        ReadOnlySpan<byte> data,
        bool? compress = null
    ) => Send(connections, MessageKind.Binary, data, compress);

    /// <summary>Sends bytes as a text or a binary message.</summary>
    /// <param name="connections">To whom; those that are not open are passed over.</param>
    /// <param name="data">The bytes, which are copied; may be empty. As text they have to be UTF-8.</param>
    /// <param name="kind">What the peers are told that it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">The kind is no value of <see cref="MessageKind"/>.</exception>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    public static BroadcastResult Send(
        IEnumerable<ServerConnection> connections,
        ReadOnlySpan<byte> data,
        MessageKind kind,
        bool? compress = null
    )
    {
        if (kind.IsText)
            Utf8Text.Require(data, nameof(data));
        return Send(connections, kind, data, compress);
    }

    /// <summary>Sends a message as it is: text as text, bytes as bytes.</summary>
    /// <param name="connections">To whom; those that are not open are passed over.</param>
    /// <param name="message">The message.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    public static BroadcastResult Send(
        IEnumerable<ServerConnection> connections,
        Message message,
        bool? compress = null
    ) => Send(connections, message.Kind, message.Data.Span, compress);

    private static BroadcastResult Send(
        IEnumerable<ServerConnection> connections,
        MessageKind kind,
        ReadOnlySpan<byte> payload,
        bool? compress
    )
    {
        ArgumentNullException.ThrowIfNull(connections);
        // All frames first: what the sequence or a filter throws finds nothing sent.
        var posts = new List<(ServerConnection Connection, PostedFrame Frame)>();
        var frames = new BroadcastFrames(kind, payload, compress);
        foreach (var connection in connections)
            posts.Add((connection, frames.For(connection)));
        return Post(posts, kind.IsText ? TextMessage : BinaryMessage);
    }

    private static BroadcastResult Post(
        List<(ServerConnection Connection, PostedFrame Frame)> posts,
        Command command
    )
    {
        var sent = 0;
        List<SkippedConnection>? skipped = null;
        foreach (var (connection, frame) in posts)
        {
            var outcome = connection.Post(command, frame);
            if (outcome.IsPosted)
                sent++;
            if (outcome.Reason is { } reason)
                (skipped ??= []).Add(new SkippedConnection(connection, reason));
        }
        return new BroadcastResult(sent, skipped ?? []);
    }

    /// <summary>Gives a connection's driver a frame of a message, within the bounds on what may wait.</summary>
    internal static PostOutcome Post(
        Driver driver,
        ServerOptions options,
        Command command,
        PostedFrame frame
    )
    {
        // With all connections together over their budget, nobody has room beside what waits already.
        var room = frame.IsTooMuch ? 0 : Math.Max(options.MaxBroadcastQueue - frame.Cost, 0);
        var waiting = driver.PostedCost;
        var isSlow = waiting > 0 && waiting > room;
        if (isSlow && options.SlowPeerPolicy is SlowPeerPolicy.Skip)
            return new(false, SkipReason.SlowPeer);
        if (isSlow && options.SlowPeerPolicy is SlowPeerPolicy.Disconnect)
        {
            driver.DropPosted(untilCost: 0);
            driver.StartClose(TooSlow);
            return new(false, SkipReason.Disconnected);
        }

        if (driver.Post(command, frame) is { } refusal)
            return new(false, refusal.IsClosing ? null : SkipReason.SendingFragments);
        var dropped = isSlow ? driver.DropPosted((long)room + frame.Cost) : 0;
        driver.TryFlushOutput();
        return new(true, dropped > 0 ? SkipReason.OlderDropped : null);
    }
}

/// <summary>What became of a message for one connection.</summary>
/// <param name="IsPosted">True when it was written, or is going to be.</param>
/// <param name="Reason">Why the connection misses a message, if it does.</param>
internal readonly record struct PostOutcome(bool IsPosted, SkipReason? Reason);
