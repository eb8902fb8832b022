using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FunctionalWs;

/// <content>Settings of the listening sockets.</content>
public sealed partial record ServerOptions
{
    private const UnixFileMode AllPermissions = (UnixFileMode)0xFFF;

    /// <summary>
    /// How many clients the kernel keeps waiting to be accepted: 1 or more, 512 by default. The kernel may cap it.
    /// </summary>
    public int Backlog { get; init; } = 512;

    /// <summary>
    /// True to let several processes listen on the same port, the kernel dealing the clients out (SO_REUSEPORT); false by
    /// default. Only where the system has it: not on Windows.
    /// </summary>
    public bool ReusePort { get; init; }

    /// <summary>
    /// True, the default, to take IPv4 clients on the IPv6 wildcard address <c>::</c> too, which is also what no host
    /// stands for; false for IPv6 clients alone (IPV6_V6ONLY). Other addresses are of one family always.
    /// </summary>
    public bool DualStack { get; init; } = true;

    /// <summary>
    /// The permissions of the file of a Unix socket, set before anybody can connect; null, the default, for what the
    /// process's umask leaves. Writing is what connecting takes. Has no effect on Windows.
    /// </summary>
    public UnixFileMode? UnixSocketMode { get; init; }

    /// <summary>
    /// TLS for all listeners, with a certificate; null, the default, for none. A client's handshake takes its time out of
    /// <see cref="OpenTimeout"/>. The object is read at each handshake: to renew a certificate, assign its
    /// <see cref="SslServerAuthenticationOptions.ServerCertificateContext"/>, or let its
    /// <see cref="SslServerAuthenticationOptions.ServerCertificateSelectionCallback"/> choose. A bare
    /// <see cref="SslServerAuthenticationOptions.ServerCertificate"/> is prepared once, too; one that a callback chooses is for each client.
    /// Callbacks run on the connection's thread. Renegotiation can't be allowed.
    /// </summary>
    public SslServerAuthenticationOptions? Ssl { get; init; }

    private void ValidateListening()
    {
        CheckRange(Backlog, 1, int.MaxValue, nameof(Backlog));
        if (ReusePort && OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("ReusePort: Windows has no such thing.");
        if (UnixSocketMode is { } mode && (mode & ~AllPermissions) != 0)
            throw new ArgumentOutOfRangeException(
                nameof(UnixSocketMode),
                mode,
                "UnixSocketMode is made of permissions from 0 to 7777, in octal digits."
            );
        if (Ssl is { } ssl)
            ValidateSsl(ssl);
        ValidateProxies();
    }

    private static void ValidateSsl(SslServerAuthenticationOptions ssl)
    {
        if (ssl.ServerCertificate is X509Certificate2 { HasPrivateKey: false } certificate)
            throw new ArgumentException(
                Invariant($"Ssl: the certificate of '{certificate.Subject}' has no private key."),
                nameof(Ssl)
            );
        var hasCertificate =
            ssl.ServerCertificate is not null
            || ssl.ServerCertificateContext is not null
            || ssl.ServerCertificateSelectionCallback is not null;
        if (!hasCertificate)
            throw new ArgumentException(
                "Ssl has no certificate: it takes ServerCertificateContext, ServerCertificate or "
                    + "ServerCertificateSelectionCallback.",
                nameof(Ssl)
            );
        foreach (var protocol in ssl.ApplicationProtocols ?? [])
        {
            if (IsOtherHttp(protocol))
                throw new ArgumentException(
                    Invariant(
                        $"Ssl: ApplicationProtocols has {protocol}, but this server speaks HTTP/1.1 alone, and a browser that agrees on another fails."
                    ),
                    nameof(Ssl)
                );
        }
        if (ssl.AllowRenegotiation)
            throw new ArgumentException(
                "Ssl: AllowRenegotiation is true, but renegotiation is not supported.",
                nameof(Ssl)
            );
    }

    /// <summary>HTTP/2 and HTTP/3, with their drafts and with the name that has no TLS.</summary>
    private static bool IsOtherHttp(SslApplicationProtocol protocol)
    {
        var name = Encoding.Latin1.GetString(protocol.Protocol.Span);
        return name.StartsWith("h2", StringComparison.Ordinal)
            || name.StartsWith("h3", StringComparison.Ordinal);
    }
}
