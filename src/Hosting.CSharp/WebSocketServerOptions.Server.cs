using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using Microsoft.Extensions.Logging;

namespace FunctionalWs.Hosting;

/// <content>All that any server has, each a part of <see cref="ServerOptions"/>.</content>
public sealed partial class WebSocketServerOptions
{
    /// <inheritdoc cref="FunctionalWs.ServerOptions.OpenTimeout"/>
    public TimeSpan? OpenTimeout
    {
        get => ServerOptions.OpenTimeout;
        set => ServerOptions = ServerOptions with { OpenTimeout = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxLifetime"/>
    public TimeSpan? MaxLifetime
    {
        get => ServerOptions.MaxLifetime;
        set => ServerOptions = ServerOptions with { MaxLifetime = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxConnections"/>
    public int MaxConnections
    {
        get => ServerOptions.MaxConnections;
        set => ServerOptions = ServerOptions with { MaxConnections = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxPendingHandshakes"/>
    public int? MaxPendingHandshakes
    {
        get => ServerOptions.MaxPendingHandshakes;
        set => ServerOptions = ServerOptions with { MaxPendingHandshakes = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxConnectionsPerAddress"/>
    public int? MaxConnectionsPerAddress
    {
        get => ServerOptions.MaxConnectionsPerAddress;
        set => ServerOptions = ServerOptions with { MaxConnectionsPerAddress = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ThreadStackSize"/>
    public int? ThreadStackSize
    {
        get => ServerOptions.ThreadStackSize;
        set => ServerOptions = ServerOptions with { ThreadStackSize = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxMessageThreads"/>
    public int MaxMessageThreads
    {
        get => ServerOptions.MaxMessageThreads;
        set => ServerOptions = ServerOptions with { MaxMessageThreads = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxBroadcastQueue"/>
    public int MaxBroadcastQueue
    {
        get => ServerOptions.MaxBroadcastQueue;
        set => ServerOptions = ServerOptions with { MaxBroadcastQueue = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxBufferedBytes"/>
    public long? MaxBufferedBytes
    {
        get => ServerOptions.MaxBufferedBytes;
        set => ServerOptions = ServerOptions with { MaxBufferedBytes = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.SlowPeerPolicy"/>
    public SlowPeerPolicy SlowPeerPolicy
    {
        get => ServerOptions.SlowPeerPolicy;
        set => ServerOptions = ServerOptions with { SlowPeerPolicy = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.Origins"/>
    public IReadOnlyList<Origin>? Origins
    {
        get => ServerOptions.Origins;
        set => ServerOptions = ServerOptions with { Origins = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.Subprotocols"/>
    public IReadOnlyList<string> Subprotocols
    {
        get => ServerOptions.Subprotocols;
        set => ServerOptions = ServerOptions with { Subprotocols = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.SelectSubprotocol"/>
    public SelectSubprotocol? SelectSubprotocol
    {
        get => ServerOptions.SelectSubprotocol;
        set => ServerOptions = ServerOptions with { SelectSubprotocol = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.Extensions"/>
    public IReadOnlyList<IServerExtension> Extensions
    {
        get => ServerOptions.Extensions;
        set => ServerOptions = ServerOptions with { Extensions = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ServerHeader"/>
    public string? ServerHeader
    {
        get => ServerOptions.ServerHeader;
        set => ServerOptions = ServerOptions with { ServerHeader = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ProcessRequest"/>
    public ProcessRequest? ProcessRequest
    {
        get => ServerOptions.ProcessRequest;
        set => ServerOptions = ServerOptions with { ProcessRequest = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ProcessResponse"/>
    public ProcessResponse? ProcessResponse
    {
        get => ServerOptions.ProcessResponse;
        set => ServerOptions = ServerOptions with { ProcessResponse = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.CreateConnection"/>
    public Func<ConnectionStart, ServerConnection>? CreateConnection
    {
        get => ServerOptions.CreateConnection;
        set => ServerOptions = ServerOptions with { CreateConnection = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.AllowMissingConnectionUpgrade"/>
    public bool AllowMissingConnectionUpgrade
    {
        get => ServerOptions.AllowMissingConnectionUpgrade;
        set => ServerOptions = ServerOptions with { AllowMissingConnectionUpgrade = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxRequestHeadSize"/>
    public int MaxRequestHeadSize
    {
        get => ServerOptions.MaxRequestHeadSize;
        set => ServerOptions = ServerOptions with { MaxRequestHeadSize = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxRequestLineLength"/>
    public int MaxRequestLineLength
    {
        get => ServerOptions.MaxRequestLineLength;
        set => ServerOptions = ServerOptions with { MaxRequestLineLength = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxHeaderLineLength"/>
    public int MaxHeaderLineLength
    {
        get => ServerOptions.MaxHeaderLineLength;
        set => ServerOptions = ServerOptions with { MaxHeaderLineLength = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.MaxHeaderCount"/>
    public int MaxHeaderCount
    {
        get => ServerOptions.MaxHeaderCount;
        set => ServerOptions = ServerOptions with { MaxHeaderCount = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.Backlog"/>
    public int Backlog
    {
        get => ServerOptions.Backlog;
        set => ServerOptions = ServerOptions with { Backlog = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ReusePort"/>
    public bool ReusePort
    {
        get => ServerOptions.ReusePort;
        set => ServerOptions = ServerOptions with { ReusePort = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.DualStack"/>
    public bool DualStack
    {
        get => ServerOptions.DualStack;
        set => ServerOptions = ServerOptions with { DualStack = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.UnixSocketMode"/>
    public UnixFileMode? UnixSocketMode
    {
        get => ServerOptions.UnixSocketMode;
        set => ServerOptions = ServerOptions with { UnixSocketMode = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.Ssl"/>
    public SslServerAuthenticationOptions? Ssl
    {
        get => ServerOptions.Ssl;
        set => ServerOptions = ServerOptions with { Ssl = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.TrustedProxies"/>
    public IReadOnlyList<IPNetwork> TrustedProxies
    {
        get => ServerOptions.TrustedProxies;
        set => ServerOptions = ServerOptions with { TrustedProxies = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.TrustUnixPeers"/>
    public bool TrustUnixPeers
    {
        get => ServerOptions.TrustUnixPeers;
        set => ServerOptions = ServerOptions with { TrustUnixPeers = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ForwardedHeaders"/>
    public ForwardedHeaders ForwardedHeaders
    {
        get => ServerOptions.ForwardedHeaders;
        set => ServerOptions = ServerOptions with { ForwardedHeaders = value };
    }

    /// <inheritdoc cref="FunctionalWs.ServerOptions.ProxyProtocol"/>
    public bool ProxyProtocol
    {
        get => ServerOptions.ProxyProtocol;
        set => ServerOptions = ServerOptions with { ProxyProtocol = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.CloseTimeout"/>
    public TimeSpan? CloseTimeout
    {
        get => ServerOptions.CloseTimeout;
        set => ServerOptions = ServerOptions with { CloseTimeout = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.PingInterval"/>
    public TimeSpan? PingInterval
    {
        get => ServerOptions.PingInterval;
        set => ServerOptions = ServerOptions with { PingInterval = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.PingTimeout"/>
    public TimeSpan? PingTimeout
    {
        get => ServerOptions.PingTimeout;
        set => ServerOptions = ServerOptions with { PingTimeout = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.SendTimeout"/>
    public TimeSpan? SendTimeout
    {
        get => ServerOptions.SendTimeout;
        set => ServerOptions = ServerOptions with { SendTimeout = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MessageTimeout"/>
    public TimeSpan? MessageTimeout
    {
        get => ServerOptions.MessageTimeout;
        set => ServerOptions = ServerOptions with { MessageTimeout = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MaxMessageSize"/>
    public int? MaxMessageSize
    {
        get => ServerOptions.MaxMessageSize;
        set => ServerOptions = ServerOptions with { MaxMessageSize = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MaxFragmentSize"/>
    public int? MaxFragmentSize
    {
        get => ServerOptions.MaxFragmentSize;
        set => ServerOptions = ServerOptions with { MaxFragmentSize = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MaxFragments"/>
    public int MaxFragments
    {
        get => ServerOptions.MaxFragments;
        set => ServerOptions = ServerOptions with { MaxFragments = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MaxQueue"/>
    public int? MaxQueue
    {
        get => ServerOptions.MaxQueue;
        set => ServerOptions = ServerOptions with { MaxQueue = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MaxQueueLow"/>
    public int? MaxQueueLow
    {
        get => ServerOptions.MaxQueueLow;
        set => ServerOptions = ServerOptions with { MaxQueueLow = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.ValidateText"/>
    public bool ValidateText
    {
        get => ServerOptions.ValidateText;
        set => ServerOptions = ServerOptions with { ValidateText = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.CoalesceOutput"/>
    public bool CoalesceOutput
    {
        get => ServerOptions.CoalesceOutput;
        set => ServerOptions = ServerOptions with { CoalesceOutput = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.Compression"/>
    public PerMessageDeflate? Compression
    {
        get => ServerOptions.Compression;
        set => ServerOptions = ServerOptions with { Compression = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.LoggerFactory"/>
    public ILoggerFactory LoggerFactory
    {
        get => ServerOptions.LoggerFactory;
        set => ServerOptions = ServerOptions with { LoggerFactory = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.MeterFactory"/>
    public IMeterFactory? MeterFactory
    {
        get => ServerOptions.MeterFactory;
        set => ServerOptions = ServerOptions with { MeterFactory = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.FlightRecorder"/>
    public FlightRecorderOptions? FlightRecorder
    {
        get => ServerOptions.FlightRecorder;
        set => ServerOptions = ServerOptions with { FlightRecorder = value };
    }

    /// <inheritdoc cref="FunctionalWs.ConnectionOptions.TimeProvider"/>
    public TimeProvider TimeProvider
    {
        get => ServerOptions.TimeProvider;
        set => ServerOptions = ServerOptions with { TimeProvider = value };
    }
}
