using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// How long to wait after an error of accepting: not at all when one client is the cause, longer and longer while the
/// system has no resources. One record tells of the beginning of an episode, one of its end.
/// </summary>
internal sealed class AcceptPause(Log log)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);

    private TimeSpan next = Shortest;
    private bool isEpisode;

    public void After(Exception error)
    {
        if (IsOneClients(error))
            return;
        if (!isEpisode)
            log.AcceptFailed(error);
        isEpisode = true;
        Thread.Sleep(next);
        next = next * 2 < Longest ? next * 2 : Longest;
    }

    public void Reset()
    {
        if (!isEpisode)
            return;
        log.AcceptRecovered();
        isEpisode = false;
        next = Shortest;
    }

    private static bool IsOneClients(Exception error) =>
        error
            is SocketException
            {
                SocketErrorCode: SocketError.ConnectionAborted
                    or SocketError.ConnectionReset
                    or SocketError.Interrupted
            };
}
