using System.Diagnostics.CodeAnalysis;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Takes a header of the PROXY protocol off the start of a socket's stream, and not a byte more.</summary>
internal static class ProxyHeaderReader
{
    /// <summary>False when the stream begins otherwise or ends too early. The watcher's deadline bounds the wait.</summary>
    public static bool TryRead(Transport transport, [NotNullWhen(true)] out ProxyHeader? header)
    {
        header = null;
        var buffer = new byte[ProxyProtocol.MaxLength];
        var length = 0;
        while (transport is SocketTransport socket)
        {
            var seen = socket.Peek(buffer.AsSpan(length));
            var parse = ProxyProtocol.Parse(buffer.AsSpan(0, length + seen));
            if (seen == 0 || parse.IsMalformed)
                return false;
            var taken = parse is ProxyParse.Complete complete ? complete.Consumed - length : seen;
            Take(socket, buffer.AsSpan(length, taken));
            length += taken;
            if (parse is not ProxyParse.Complete { Header: var found })
                continue;
            header = found;
            return true;
        }
        return false;
    }

    // These bytes are there: they were seen already.
    private static void Take(SocketTransport socket, Span<byte> seen)
    {
        while (!seen.IsEmpty && socket.Read(seen) is var size and > 0)
            seen = seen[size..];
    }
}
