using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>Who is in, and who is let in: counts of connections against their limits. Guarded by the server's lock.</summary>
internal sealed class Admissions(int maxConnections, int? maxPending, int? maxPerAddress)
{
    // Who has one address of a /64 has them all.
    private const int Ipv6PrefixBytes = 8;

    /// <summary>Reasons why a client is turned away.</summary>
    public const string Full = "the server is full";
    public const string ManyPending = "too many handshakes are pending";
    public const string ManyOfAddress = "its address has too many connections";

    private readonly Dictionary<IPAddress, int> perAddress = [];
    private int connections;
    private int pending;

    /// <summary>How many handshakes are pending.</summary>
    public int Pending => pending;

    /// <summary>Counts a client in, its handshake pending; tells why not otherwise.</summary>
    /// <param name="client">What <see cref="KeyOf"/> gives for it.</param>
    public string? Refuse(IPAddress? client)
    {
        if (connections >= maxConnections)
            return Full;
        if (pending >= maxPending)
            return ManyPending;
        if (RefuseAddress(client) is { } reason)
            return reason;
        connections++;
        pending++;
        return null;
    }

    /// <summary>
    /// Counts the address of a client that was let in without one, since only its proxy knew it; tells why not otherwise.
    /// </summary>
    /// <param name="address">What <see cref="KeyOf"/> gives for it.</param>
    public string? RefuseAddress(IPAddress? address)
    {
        if (maxPerAddress is null || address is null)
            return null;
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(perAddress, address, out _);
        if (count >= maxPerAddress)
            return ManyOfAddress;
        count++;
        return null;
    }

    /// <summary>A handshake is no longer pending.</summary>
    public void EndHandshake() => pending--;

    /// <summary>Counts a client out, by the address that it was counted by. Needs no memory.</summary>
    public void Leave(IPAddress? address)
    {
        connections--;
        if (maxPerAddress is null || address is null)
            return;
        if (--perAddress[address] == 0)
            perAddress.Remove(address);
    }

    /// <summary>What counts as one address; null for a peer without one, such as that of a Unix socket.</summary>
    public static IPAddress? KeyOf(EndPoint? client)
    {
        if (client is not IPEndPoint { Address: var address })
            return null;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily is AddressFamily.InterNetwork)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(Ipv6PrefixBytes).Clear();
        return new IPAddress(bytes);
    }
}
