using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FunctionalWs;

/// <summary>What a client and the server agreed on in a TLS handshake. Immutable; known after the connection's end, too.</summary>
public sealed class TlsSession
{
    internal TlsSession(SslStream stream)
    {
        Protocol = stream.SslProtocol;
        CipherSuite = stream.NegotiatedCipherSuite;
        ServerName = stream.TargetHostName is { Length: > 0 } name ? name : null;
        var protocol = stream.NegotiatedApplicationProtocol.Protocol;
        ApplicationProtocol = protocol.IsEmpty ? null : Encoding.UTF8.GetString(protocol.Span);
        RemoteCertificate = stream.RemoteCertificate switch
        {
            null => null,
            X509Certificate2 certificate => certificate,
            var certificate => new X509Certificate2(certificate),
        };
    }

    /// <summary>The version of TLS.</summary>
    public SslProtocols Protocol { get; }

    /// <summary>The cipher suite.</summary>
    public TlsCipherSuite CipherSuite { get; }

    /// <summary>The host name that the client asked for (SNI, RFC 6066 §3); null when it named none.</summary>
    public string? ServerName { get; }

    /// <summary>The application protocol that was agreed on (ALPN, RFC 7301); null when there is none.</summary>
    public string? ApplicationProtocol { get; }

    /// <summary>The client's certificate; null when it was not asked for, or the client had none.</summary>
    public X509Certificate2? RemoteCertificate { get; }

    /// <summary>Version and cipher suite, for logs.</summary>
    public override string ToString() => Invariant($"{Protocol} {CipherSuite}");
}
