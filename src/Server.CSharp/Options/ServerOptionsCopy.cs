using System.Net;
using System.Net.Security;

namespace FunctionalWs;

/// <summary>As <see cref="ConnectionOptionsCopy"/>, for what servers alone have.</summary>
internal static class ServerOptionsCopy
{
    public static ServerOptions AllowMissingConnectionUpgrade(ServerOptions options, bool value) =>
        options with
        {
            AllowMissingConnectionUpgrade = value,
        };

    public static ServerOptions Backlog(ServerOptions options, int value) =>
        options with
        {
            Backlog = value,
        };

    public static ServerOptions DualStack(ServerOptions options, bool value) =>
        options with
        {
            DualStack = value,
        };

    public static ServerOptions Extensions(
        ServerOptions options,
        IReadOnlyList<IServerExtension> value
    ) => options with { Extensions = value };

    public static ServerOptions ForwardedHeaders(ServerOptions options, ForwardedHeaders value) =>
        options with
        {
            ForwardedHeaders = value,
        };

    public static ServerOptions MaxBroadcastQueue(ServerOptions options, int value) =>
        options with
        {
            MaxBroadcastQueue = value,
        };

    public static ServerOptions MaxBufferedBytes(ServerOptions options, long? value) =>
        options with
        {
            MaxBufferedBytes = value,
        };

    public static ServerOptions MaxConnections(ServerOptions options, int value) =>
        options with
        {
            MaxConnections = value,
        };

    public static ServerOptions MaxConnectionsPerAddress(ServerOptions options, int? value) =>
        options with
        {
            MaxConnectionsPerAddress = value,
        };

    public static ServerOptions MaxLifetime(ServerOptions options, TimeSpan? value) =>
        options with
        {
            MaxLifetime = value,
        };

    public static ServerOptions CreateConnection(
        ServerOptions options,
        Func<ConnectionStart, ServerConnection>? value
    ) => options with { CreateConnection = value };

    public static ServerOptions MaxHeaderCount(ServerOptions options, int value) =>
        options with
        {
            MaxHeaderCount = value,
        };

    public static ServerOptions MaxHeaderLineLength(ServerOptions options, int value) =>
        options with
        {
            MaxHeaderLineLength = value,
        };

    public static ServerOptions MaxMessageThreads(ServerOptions options, int value) =>
        options with
        {
            MaxMessageThreads = value,
        };

    public static ServerOptions MaxPendingHandshakes(ServerOptions options, int? value) =>
        options with
        {
            MaxPendingHandshakes = value,
        };

    public static ServerOptions MaxRequestHeadSize(ServerOptions options, int value) =>
        options with
        {
            MaxRequestHeadSize = value,
        };

    public static ServerOptions MaxRequestLineLength(ServerOptions options, int value) =>
        options with
        {
            MaxRequestLineLength = value,
        };

    public static ServerOptions Origins(ServerOptions options, IReadOnlyList<Origin>? value) =>
        options with
        {
            Origins = value,
        };

    public static ServerOptions ProcessRequest(ServerOptions options, ProcessRequest? value) =>
        options with
        {
            ProcessRequest = value,
        };

    public static ServerOptions ProcessResponse(ServerOptions options, ProcessResponse? value) =>
        options with
        {
            ProcessResponse = value,
        };

    public static ServerOptions ProxyProtocol(ServerOptions options, bool value) =>
        options with
        {
            ProxyProtocol = value,
        };

    public static ServerOptions ReusePort(ServerOptions options, bool value) =>
        options with
        {
            ReusePort = value,
        };

    public static ServerOptions SelectSubprotocol(
        ServerOptions options,
        SelectSubprotocol? value
    ) => options with { SelectSubprotocol = value };

    public static ServerOptions ServerHeader(ServerOptions options, string? value) =>
        options with
        {
            ServerHeader = value,
        };

    public static ServerOptions SlowPeerPolicy(ServerOptions options, SlowPeerPolicy value) =>
        options with
        {
            SlowPeerPolicy = value,
        };

    public static ServerOptions Ssl(ServerOptions options, SslServerAuthenticationOptions? value) =>
        options with
        {
            Ssl = value,
        };

    public static ServerOptions ThreadStackSize(ServerOptions options, int? value) =>
        options with
        {
            ThreadStackSize = value,
        };

    public static ServerOptions TrustUnixPeers(ServerOptions options, bool value) =>
        options with
        {
            TrustUnixPeers = value,
        };

    public static ServerOptions TrustedProxies(
        ServerOptions options,
        IReadOnlyList<IPNetwork> value
    ) => options with { TrustedProxies = value };

    public static ServerOptions UnixSocketMode(ServerOptions options, UnixFileMode? value) =>
        options with
        {
            UnixSocketMode = value,
        };
}
