using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>Every way to make a server, and to end it.</summary>
internal static class Listening
{
    public static Socket Bound()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    public static string TemporaryPath() =>
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public static void GreetUnix(Server server, string path)
    {
        server.Start();
        using var client = PlatformClient.ConnectRaw(new UnixDomainSocketEndPoint(path));
        client.Send([0x81, 0x82, 0, 0, 0, 0, (byte)'h', (byte)'i']);
        var echo = new byte[4];
        Check.Equal(4, client.Receive(echo));
        Check.Equal("81026869", Convert.ToHexString(echo));
    }

    public static void Servers()
    {
        using (var server = Server.Serve(Session.Echo, Bound()))
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoint))
            );
        var path = TemporaryPath();
        using (var server = Server.UnixServe(Session.Echo, path))
            GreetUnix(server, path);
        IPEndPoint any = new(IPAddress.Loopback, 0);
        using (var server = Server.Serve(Session.Echo, [any, any]))
        {
            Check.Equal(2, server.LocalEndPoints.Count);
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoints[1]))
            );
        }

        // Nobody has opened sockets for this process.
        Check.Throws<InvalidOperationException>(() => Server.SystemdServe(Session.Echo));
    }

    public static void Lifetime()
    {
        var server = Server.Serve(Session.Echo, "127.0.0.1", 0);
        Check.True(server.Handle is { IsInvalid: false });
        Check.True(server.MaxConnections > 0);
        var serving = Task.Run(server.ServeForever);
        using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint));
        Check.Eventually(() => server.Connections.Count == 1);
        var closed = Task.Run(() =>
        {
            var last = client.Receive();
            client.Close();
            return last;
        });
        Check.Equal(0, server.Shutdown(CloseCode.ServiceRestart, "new version", Check.Limit));
        Check.Equal("closed 1012", closed.Result);
        Check.True(serving.Wait(Check.Limit));
        server.Dispose();
    }

    public static void Tls()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(
            "CN=localhost",
            key,
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        );
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var options = new ServerOptions
        {
            Ssl = new SslServerAuthenticationOptions { ServerCertificate = certificate },
        };
        Session.Run(
            connection =>
            {
                TlsSession tls = connection.Tls!;
                Check.True(tls.Protocol >= System.Security.Authentication.SslProtocols.Tls12);
                Check.True(tls.CipherSuite.ToString().StartsWith("TLS_", StringComparison.Ordinal));
                Check.True(tls.RemoteCertificate is null);
                Check.True(tls.ServerName is null or "");
                Check.True(tls.ApplicationProtocol is null or "http/1.1");
            },
            client => Check.Equal("closed 1000", client.Receive()),
            options
        );
    }

    public static void Broadcasts()
    {
        using var server = Server.Serve(Session.Echo, "127.0.0.1", 0);
        server.Start();
        using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint));
        Check.Eventually(() => server.Connections.Count == 1);
        BroadcastResult result = Broadcast.Send(server.Connections, "all");
        Check.Equal(1, result.Sent);
        Check.Equal(0, result.Skipped.Count);
        Broadcast.Send(server.Connections, "A"u8);
        Broadcast.Send(server.Connections, new Message("again"));
        Check.Equal("all", client.Receive());
        Check.Equal("41", client.Receive());
        Check.Equal("again", client.Receive());
        Skipped(server.Connections.Single());
        client.Close();
    }

    private static void Skipped(ServerConnection connection)
    {
        var skipped = new SkippedConnection(connection, SkipReason.SlowPeer);
        SkipReason[] reasons =
        [
            SkipReason.SlowPeer,
            SkipReason.OlderDropped,
            SkipReason.Disconnected,
            SkipReason.SendingFragments,
        ];
        foreach (var reason in reasons)
            Check.Equal(reason, (skipped with { Reason = reason }).Reason);
        Check.Equal(connection, (skipped with { Connection = connection }).Connection);
    }
}
