using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>Asks the kernel which of many sockets have something to read.</summary>
internal static class ReadableSockets
{
    // .NET asks about 65,536 at a time at most.
    private const int Most = 8192;

    /// <summary>Leaves those in the list that have something, in their order.</summary>
    public static void Select(List<Socket> sockets)
    {
        if (sockets.Count <= Most)
        {
            SelectFew(sockets);
            return;
        }
        var all = sockets.ToArray();
        sockets.Clear();
        foreach (var few in all.Chunk(Most).Select(Enumerable.ToList))
        {
            SelectFew(few);
            sockets.AddRange(few);
        }
    }

    private static void SelectFew(List<Socket> sockets)
    {
        if (sockets.Count == 0)
            return;
        try
        {
            Socket.Select(sockets, null, null, 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One of them was just closed: all count as readable this time, and each is asked again before it is read.
        }
    }
}
