namespace FunctionalWs;

/// <summary>What a proxy says before the tunnel begins: not a byte more is taken from the stream.</summary>
internal sealed class ProxyInput(Transport transport, ProxyServer proxy, TimeLimit limit)
{
    private const byte LineFeed = (byte)'\n';

    /// <summary>Waits until there are so many bytes.</summary>
    /// <exception cref="IOException">The proxy has ended the stream.</exception>
    public void Fill(Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            limit.Check(Missing);
            if (!transport.WaitReadable(limit.Deadline))
                continue;
            var size = transport.Read(destination);
            if (size <= 0)
                throw new IOException(
                    Invariant($"The proxy {proxy} has ended the stream before there was a tunnel."),
                    transport.Failure
                );
            destination = destination[size..];
        }
    }

    /// <summary>Waits for the end of a line, or until the room for it is full; how many bytes came.</summary>
    /// <exception cref="IOException">The proxy has ended the stream.</exception>
    public int ReadLine(Span<byte> destination)
    {
        var size = 0;
        do Fill(destination.Slice(size, 1));
        while (destination[size++] != LineFeed && size < destination.Length);
        return size;
    }

    /// <summary>What has not happened while it is waited for.</summary>
    public string Missing() => Invariant($"the proxy {proxy} has not answered");

    /// <summary>The proxy doesn't do what its kind does.</summary>
    public IOException Broken(string reason) => new(Invariant($"The proxy {proxy} {reason}"));
}
