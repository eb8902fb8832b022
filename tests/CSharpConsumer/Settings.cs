using System.Net;
using System.Net.Security;
using FunctionalWs;
using Microsoft.Extensions.Logging.Abstractions;

/// <summary>Every setting, set and read.</summary>
internal static class Settings
{
    public static void All()
    {
        Limits();
        Times();
        Handshake();
        Sockets();
    }

    private static void Limits()
    {
        var options = new ServerOptions
        {
            MaxMessageSize = 1,
            MaxFragmentSize = 2,
            MaxFragments = 3,
            MaxQueue = 4,
            MaxQueueLow = 2,
            MaxConnections = 6,
            MaxPendingHandshakes = 7,
            MaxConnectionsPerAddress = 8,
            MaxBroadcastQueue = 9,
            MaxBufferedBytes = 10_000_000_000,
            SlowPeerPolicy = SlowPeerPolicy.DropOldest,
            ValidateText = false,
            CoalesceOutput = false,
        };
        Check.Equal(1, options.MaxMessageSize);
        Check.Equal(2, options.MaxFragmentSize);
        Check.Equal(3, options.MaxFragments);
        Check.Equal(4, options.MaxQueue);
        Check.Equal(2, options.MaxQueueLow);
        Check.Equal(6, options.MaxConnections);
        Check.Equal(7, options.MaxPendingHandshakes);
        Check.Equal(8, options.MaxConnectionsPerAddress);
        Check.Equal(9, options.MaxBroadcastQueue);
        Check.Equal(10_000_000_000L, options.MaxBufferedBytes);
        Check.True(
            options.SlowPeerPolicy is not (SlowPeerPolicy.Skip or SlowPeerPolicy.Disconnect)
        );
        Check.True(!options.ValidateText && !options.CoalesceOutput);
        Accepted(options);
    }

    private static void Times()
    {
        var second = TimeSpan.FromSeconds(1);
        var options = new ServerOptions
        {
            OpenTimeout = second,
            CloseTimeout = second,
            MaxLifetime = second,
            PingInterval = null,
            PingTimeout = null,
            SendTimeout = second,
            MessageTimeout = second,
            TimeProvider = TimeProvider.System,
        };
        Check.Equal(second, options.OpenTimeout);
        Check.Equal(second, options.CloseTimeout);
        Check.Equal(second, options.MaxLifetime);
        Check.True(options.PingInterval is null && options.PingTimeout is null);
        Check.Equal(second, options.SendTimeout);
        Check.Equal(second, options.MessageTimeout);
        Check.Equal(TimeProvider.System, options.TimeProvider);
        Accepted(options);
    }

    private static void Handshake()
    {
        var options = new ServerOptions
        {
            Origins = [Origin.None],
            Subprotocols = ["chat"],
            SelectSubprotocol = (_, _) => null,
            ProcessRequest = (_, _) => null,
            ProcessResponse = (_, _, _) => null,
            ServerHeader = null,
            MaxRequestHeadSize = 4096,
            MaxRequestLineLength = 1024,
            MaxHeaderLineLength = 2048,
            MaxHeaderCount = 10,
        };
        Check.Equal(1, options.Origins?.Count);
        Check.Equal("chat", options.Subprotocols[0]);
        Check.True(options is { SelectSubprotocol: not null, ServerHeader: null });
        Check.True(options is { ProcessRequest: not null, ProcessResponse: not null });
        Check.Equal(4096, options.MaxRequestHeadSize);
        Check.Equal(1024, options.MaxRequestLineLength);
        Check.Equal(2048, options.MaxHeaderLineLength);
        Check.Equal(10, options.MaxHeaderCount);
        Accepted(options);
    }

    private static void Sockets()
    {
        using var meters = new Meters();
        var options = new ServerOptions
        {
            Backlog = 1,
            ThreadStackSize = 256 * 1024,
            MaxMessageThreads = 8,
            DualStack = false,
            ReusePort = false,
            UnixSocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")],
            AllowMissingConnectionUpgrade = true,
            ForwardedHeaders = ForwardedHeaders.XForwardedFor,
            ProxyProtocol = false,
            LoggerFactory = NullLoggerFactory.Instance,
            MeterFactory = meters,
        };
        Check.Equal(1, options.Backlog);
        Check.Equal(256 * 1024, options.ThreadStackSize);
        Check.Equal(8, options.MaxMessageThreads);
        Check.True(!options.DualStack && !options.ReusePort && !options.ProxyProtocol);
        Check.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, options.UnixSocketMode);
        Check.Equal(1, options.TrustedProxies.Count);
        Check.True(options.AllowMissingConnectionUpgrade);
        Check.True((options with { TrustUnixPeers = true }).TrustUnixPeers);
        Check.True(
            options.ForwardedHeaders is not (ForwardedHeaders.None or ForwardedHeaders.Forwarded)
        );
        Check.True(options.LoggerFactory is NullLoggerFactory);
        Check.True(options.MeterFactory == meters);
        Accepted(options);
        Check.True(meters.Names.Contains("FunctionalWs"));
        var ssl = new SslServerAuthenticationOptions();
        Check.Throws<ArgumentException>(() => Accepted(options with { Ssl = ssl }));
    }

    /// <summary>A server can be made with the options.</summary>
    private static void Accepted(ServerOptions options) =>
        Server.Serve(Session.Echo, "127.0.0.1", 0, options).Dispose();
}
