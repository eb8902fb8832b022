using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// How long to wait after an error of accepting: not at all when one client is the cause, longer and longer while the
/// system has no resources. One record tells of the beginning of an episode, one of its end, which has come when nothing
/// failed for a second: at the edge a client gets in now and then, and the next one doesn't.
/// </summary>
internal sealed class AcceptPause(Log log, TimeProvider clock)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private TimeSpan next = Shortest;
    private bool isEpisode;
    private long failedAt;

    public void After(Exception error)
    {
        if (IsOneClients(error))
            return;
        var isFirst = !isEpisode;
        isEpisode = true;
        try
        {
            if (isFirst)
                log.AcceptFailed(error);
        }
        finally
        {
            Thread.Sleep(next);
            next = next * 2 < Longest ? next * 2 : Longest;
            failedAt = clock.GetTimestamp();
        }
    }

    /// <summary>A client was accepted.</summary>
    public void Reset()
    {
        if (!isEpisode || clock.GetElapsedTime(failedAt) < Longest)
            return;
        log.AcceptRecovered();
        isEpisode = false;
        next = Shortest;
    }

    // An argument: the client's own address is none that the platform can read.
    private static bool IsOneClients(Exception error) =>
        error
            is ArgumentException
                or SocketException
                {
                    SocketErrorCode: SocketError.ConnectionAborted
                        or SocketError.ConnectionReset
                        or SocketError.Interrupted
                        or SocketError.WouldBlock
                };
}
