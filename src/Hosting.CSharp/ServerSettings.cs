using System.Net;
using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>How each setting of a server that is a plain value is read, by the option's name.</summary>
internal static class ServerSettings
{
    public static readonly Dictionary<
        string,
        Func<ServerOptions, IConfigurationSection, ServerOptions>
    > All = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(ServerOptions.OpenTimeout)] = (options, entry) =>
            options with
            {
                OpenTimeout = entry.OptionalTime(),
            },
        [nameof(ServerOptions.CloseTimeout)] = (options, entry) =>
            options with
            {
                CloseTimeout = entry.OptionalTime(),
            },
        [nameof(ServerOptions.PingInterval)] = (options, entry) =>
            options with
            {
                PingInterval = entry.OptionalTime(),
            },
        [nameof(ServerOptions.PingTimeout)] = (options, entry) =>
            options with
            {
                PingTimeout = entry.OptionalTime(),
            },
        [nameof(ServerOptions.SendTimeout)] = (options, entry) =>
            options with
            {
                SendTimeout = entry.OptionalTime(),
            },
        [nameof(ServerOptions.MessageTimeout)] = (options, entry) =>
            options with
            {
                MessageTimeout = entry.OptionalTime(),
            },

        [nameof(ServerOptions.MaxMessageSize)] = (options, entry) =>
            options with
            {
                MaxMessageSize = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxFragmentSize)] = (options, entry) =>
            options with
            {
                MaxFragmentSize = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxFragments)] = (options, entry) =>
            options with
            {
                MaxFragments = entry.Number(),
            },
        [nameof(ServerOptions.MaxQueue)] = (options, entry) =>
            options with
            {
                MaxQueue = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxQueueLow)] = (options, entry) =>
            options with
            {
                MaxQueueLow = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxBroadcastQueue)] = (options, entry) =>
            options with
            {
                MaxBroadcastQueue = entry.Number(),
            },
        [nameof(ServerOptions.MaxConnections)] = (options, entry) =>
            options with
            {
                MaxConnections = entry.Number(),
            },
        [nameof(ServerOptions.MaxPendingHandshakes)] = (options, entry) =>
            options with
            {
                MaxPendingHandshakes = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxConnectionsPerAddress)] = (options, entry) =>
            options with
            {
                MaxConnectionsPerAddress = entry.OptionalNumber(),
            },
        [nameof(ServerOptions.MaxRequestHeadSize)] = (options, entry) =>
            options with
            {
                MaxRequestHeadSize = entry.Number(),
            },
        [nameof(ServerOptions.MaxRequestLineLength)] = (options, entry) =>
            options with
            {
                MaxRequestLineLength = entry.Number(),
            },
        [nameof(ServerOptions.MaxHeaderLineLength)] = (options, entry) =>
            options with
            {
                MaxHeaderLineLength = entry.Number(),
            },
        [nameof(ServerOptions.MaxHeaderCount)] = (options, entry) =>
            options with
            {
                MaxHeaderCount = entry.Number(),
            },
        [nameof(ServerOptions.Backlog)] = (options, entry) =>
            options with
            {
                Backlog = entry.Number(),
            },
        [nameof(ServerOptions.ThreadStackSize)] = (options, entry) =>
            options with
            {
                ThreadStackSize = entry.OptionalNumber(),
            },

        [nameof(ServerOptions.Origins)] = (options, entry) =>
            options with
            {
                Origins = entry.IsMissing() ? null : entry.List(ToOrigin),
            },
        [nameof(ServerOptions.Subprotocols)] = (options, entry) =>
            options with
            {
                Subprotocols = entry.List(name => name),
            },
        [nameof(ServerOptions.ServerHeader)] = (options, entry) =>
            options with
            {
                ServerHeader = entry.Text(),
            },

        [nameof(ServerOptions.DualStack)] = (options, entry) =>
            options with
            {
                DualStack = entry.Flag(),
            },
        [nameof(ServerOptions.ReusePort)] = (options, entry) =>
            options with
            {
                ReusePort = entry.Flag(),
            },
        [nameof(ServerOptions.UnixSocketMode)] = (options, entry) =>
            options with
            {
                UnixSocketMode = entry.OptionalChoice<UnixFileMode>(),
            },
        [nameof(ServerOptions.TrustedProxies)] = (options, entry) =>
            options with
            {
                TrustedProxies = entry.List(ToNetwork),
            },
        [nameof(ServerOptions.TrustUnixPeers)] = (options, entry) =>
            options with
            {
                TrustUnixPeers = entry.Flag(),
            },
        [nameof(ServerOptions.ForwardedHeaders)] = (options, entry) =>
            options with
            {
                ForwardedHeaders = entry.Choice<ForwardedHeaders>(),
            },
        [nameof(ServerOptions.ProxyProtocol)] = (options, entry) =>
            options with
            {
                ProxyProtocol = entry.Flag(),
            },

        [nameof(ServerOptions.ValidateText)] = (options, entry) =>
            options with
            {
                ValidateText = entry.Flag(),
            },
        [nameof(ServerOptions.CoalesceOutput)] = (options, entry) =>
            options with
            {
                CoalesceOutput = entry.Flag(),
            },
        [nameof(ServerOptions.SlowPeerPolicy)] = (options, entry) =>
            options with
            {
                SlowPeerPolicy = entry.Choice<SlowPeerPolicy>(),
            },

        [nameof(ServerOptions.Compression)] = (options, entry) =>
            options with
            {
                Compression = CompressionSettings.Read(options.Compression, entry),
            },
        [nameof(ServerOptions.FlightRecorder)] = (options, entry) =>
            options with
            {
                FlightRecorder = RecorderSettings.Read(options.FlightRecorder, entry),
            },
    };

    /// <summary>An exact origin, or <c>none</c> for requests without one. Patterns are a matter of code.</summary>
    private static Origin ToOrigin(string text) =>
        text == "none" ? Origin.None : Origin.Exact(text);

    private static IPNetwork ToNetwork(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address)
            ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : throw new FormatException(
            $"'{text}' is neither an address nor a network such as 10.0.0.0/8."
        );
}
