using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>The addresses of a host, in the order in which they are tried.</summary>
internal static class HostAddresses
{
    // A name may have as many as fit into an answer of DNS, and each is a socket and a line of a message.
    private const int Most = 32;

    private static readonly IPAddress[] Loopback = [IPAddress.IPv6Loopback, IPAddress.Loopback];

    /// <summary>At least one address.</summary>
    /// <exception cref="SocketException">The name has no address, or can't be resolved now.</exception>
    public static IReadOnlyList<IPAddress> Of(string host, DialSettings settings, TimeLimit limit)
    {
        if (Literal(host) is { } literal)
            return [literal];
        // RFC 6761 §6.3: no server of names has a say in it.
        if (IsLoopback(host))
            return Loopback;
        var found = Resolve(host, settings, limit).Select(Unmapped).Distinct().Take(Most);
        var addresses = Interleave([.. found]);
        return addresses.Count > 0 ? addresses : throw Unresolved(host, SocketError.NoData);
    }

    /// <summary>The address that a host is written as; null for a name.</summary>
    public static IPAddress? Literal(string host) =>
        IPAddress.TryParse(host, out var address) ? Unmapped(address) : null;

    /// <summary>One family after the other, beginning with the preferred one; each in its order (RFC 8305 §4).</summary>
    public static IReadOnlyList<IPAddress> Interleave(IReadOnlyList<IPAddress> addresses)
    {
        var preferred = addresses.Where(address => IsPreferred(address, addresses)).ToArray();
        var others = addresses.Where(address => !IsPreferred(address, addresses)).ToArray();
        var mixed = new List<IPAddress>();
        for (var index = 0; index < addresses.Count; index++)
        {
            mixed.AddRange(preferred.Skip(index).Take(1));
            mixed.AddRange(others.Skip(index).Take(1));
        }
        return mixed;
    }

    private static bool IsPreferred(IPAddress address, IReadOnlyList<IPAddress> addresses) =>
        address.AddressFamily == addresses[0].AddressFamily;

    private static bool IsLoopback(string host)
    {
        var name = host.TrimEnd('.');
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
    }

    // A socket for IPv6 alone doesn't know of them.
    private static IPAddress Unmapped(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPAddress[] Resolve(string host, DialSettings settings, TimeLimit limit)
    {
        try
        {
            var search = settings.Resolve(host, limit.Cancellation);
            while (!IsDone(search, limit.Cancellation))
                limit.Check(() => "its name was not resolved");
            return search.GetAwaiter().GetResult();
        }
        catch (SocketException error)
        {
            throw Unresolved(host, error.SocketErrorCode);
        }
        catch (ArgumentException) // too long for a name
        {
            throw Unresolved(host, SocketError.HostNotFound);
        }
    }

    private static bool IsDone(Task search, CancellationToken cancellation) =>
        Task.WaitAny([search], (int)TimeLimit.Moment.TotalMilliseconds, cancellation) >= 0;

    private static SocketException Unresolved(string host, SocketError error) =>
        new(
            (int)error,
            Invariant($"The name '{host}' can't be resolved: {SocketStart.Describe(error)}.")
        );
}
