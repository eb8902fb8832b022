using System.Globalization;
using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>The connection is closed or closing, and a call needed it open. See the two subclasses.</summary>
public abstract class ConnectionClosedException : IOException
{
    private protected ConnectionClosedException(Ending ending, Driver origin)
        : base(ending.ToString(), ending.Cause)
    {
        Origin = origin;
        Received = ending.Received;
        Sent = ending.Sent;
        ReceivedFirst = ending.ReceivedFirst;
    }

    /// <summary>What the peer's close frame said; null when none came.</summary>
    public CloseStatus? Received { get; }

    /// <summary>What this side's close frame said; null when none was sent.</summary>
    public CloseStatus? Sent { get; }

    /// <summary>True when the peer's close frame came first, false when ours went first, null unless there were both.</summary>
    public bool? ReceivedFirst { get; }

    /// <summary>The connection that ended.</summary>
    internal Driver Origin { get; }
}

/// <summary>
/// The connection was closed as planned: both close frames were exchanged, and both say 1000, 1001 or nothing
/// (RFC 6455 §7.1.4).
/// </summary>
public sealed class ConnectionClosedOkException : ConnectionClosedException
{
    internal ConnectionClosedOkException(Ending ending, Driver origin)
        : base(ending, origin) { }
}

/// <summary>
/// The connection ended abnormally: without a close frame from the peer, or with a code that tells of an error
/// (RFC 6455 §7.1.5). <see cref="Exception.InnerException"/> is the cause, where there is one on this machine.
/// </summary>
public sealed class ConnectionClosedErrorException : ConnectionClosedException
{
    internal ConnectionClosedErrorException(Ending ending, Driver origin)
        : base(ending, origin) { }
}

/// <summary>
/// The peer broke the protocol. It is the cause inside a <see cref="ConnectionClosedErrorException"/>. The message tells what
/// the peer did, the section of the standard and the place in the peer's bytes.
/// </summary>
public sealed class WebSocketProtocolException : IOException
{
    internal WebSocketProtocolException(Violation violation)
        : base(violation.ToString())
    {
        Violation = violation;
        CloseCode = violation.Error.CloseCode;
    }

    /// <summary>What the peer did.</summary>
    public ProtocolError Error => Violation.Error;

    /// <summary>What the peer did, the rule, where it is written down, and the byte by which it was broken.</summary>
    public Violation Violation { get; }

    /// <summary>The code that the peer was told.</summary>
    public CloseCode CloseCode { get; }
}

/// <summary>How a connection ended, as callers are told.</summary>
internal sealed record Ending(
    CloseStatus? Received,
    CloseStatus? Sent,
    bool? ReceivedFirst,
    Exception? Cause
)
{
    public static Ending Of(Closure closure, Exception? cause, Violation? violation) =>
        closure switch
        {
            Closure.Clean clean => new(clean.Received, clean.Sent, clean.First.IsRemote, cause),
            Closure.Failed failed => new(
                null,
                failed.Sent,
                null,
                new WebSocketProtocolException(violation ?? new Violation(failed.Error, 0))
            ),
            Closure.Abandoned abandoned => new(null, abandoned.Sent, null, cause),
            Closure.Lost lost => new(null, lost.Sent.IsSome ? lost.Sent.Value : null, null, cause),
            _ => throw new InvalidOperationException(Invariant($"{closure} is no way to end.")),
        };

    public bool IsOk => IsHarmless(Received) && IsHarmless(Sent);

    /// <summary>The peer's code; 1005 when its frame had none, 1006 when no frame came (RFC 6455 §7.1.5).</summary>
    public int CloseCode => Received?.Number ?? 1006;

    public string CloseReason => Received?.Reason ?? "";

    public ConnectionClosedException ToException(Driver origin) =>
        IsOk
            ? new ConnectionClosedOkException(this, origin)
            : new ConnectionClosedErrorException(this, origin);

    public override string ToString() =>
        (Received, Sent, ReceivedFirst) switch
        {
            (null, null, _) => "no close frame received or sent",
            (null, { } sent, _) => Invariant($"sent {Text(sent)}; no close frame received"),
            ({ } received, null, _) => Invariant($"received {Text(received)}; no close frame sent"),
            ({ } received, { } sent, true) => Invariant(
                $"received {Text(received)}; then sent {Text(sent)}"
            ),
            ({ } received, { } sent, _) => Invariant(
                $"sent {Text(sent)}; then received {Text(received)}"
            ),
        };

    private static bool IsHarmless(CloseStatus? status) => status?.Number is 1000 or 1001 or 1005;

    private static string Text(CloseStatus status)
    {
        var text = new StringBuilder().Append(
            CultureInfo.InvariantCulture,
            $"{status.Number} ({Meaning(status.Number)})"
        );
        return status.Reason.Length == 0
            ? text.ToString()
            : text.Append(' ').Append(PeerText.Escape(status.Reason)).ToString();
    }

    private static string Meaning(int number) =>
        number switch
        {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status received",
            1007 => "invalid frame payload data",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "mandatory extension",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            >= 3000 and < 4000 => "registered",
            >= 4000 and < 5000 => "private use",
            _ => "unknown",
        };
}
