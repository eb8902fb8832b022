using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>An address as metrics and traces tell it: <c>server.address</c> and <c>server.port</c>, and the like.</summary>
/// <param name="Address">An IP address, or the path of a Unix socket; null for none.</param>
/// <param name="Port">The port; null where there is none.</param>
internal readonly record struct ServerAddress(string? Address, int? Port)
{
    public static ServerAddress Of(EndPoint? endPoint) =>
        endPoint switch
        {
            IPEndPoint ip => new(Invariant($"{Plain(ip.Address)}"), ip.Port),
            UnixDomainSocketEndPoint unix => new(PeerText.Escape(unix.ToString()), null),
            _ => default,
        };

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
