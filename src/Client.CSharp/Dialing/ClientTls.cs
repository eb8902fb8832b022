using System.Net.Security;
using System.Security.Authentication;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>TLS as a client of a WebSocket.</summary>
internal static class ClientTls
{
    private static readonly List<SslApplicationProtocol> Http11 = [SslApplicationProtocol.Http11];

    /// <summary>Puts TLS over a transport.</summary>
    /// <exception cref="AuthenticationException">Server and client can't agree, or the certificate is not trusted.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public static TlsTransport Open(
        Transport transport,
        WebSocketUri uri,
        SslClientAuthenticationOptions? given,
        TimeLimit limit
    )
    {
        var options = Options(uri.Host, given);
        var tls = new TlsTransport(transport);
        try
        {
            tls.Authenticate(options, limit.Deadline);
            return tls;
        }
        catch (NothingToReadException error)
        {
            throw limit.Exceeded("the handshake of TLS was not done", error);
        }
        catch (AuthenticationException error)
        {
            throw new AuthenticationException(Describe(uri, options, error), error);
        }
        catch (IOException error)
        {
            throw new IOException(Describe(uri, options, error), error);
        }
        finally
        {
            if (tls.Session is null)
                tls.Dispose();
        }
    }

    /// <summary>The given settings, which stay as they are, with what they leave open.</summary>
    /// <exception cref="ArgumentException">They offer a protocol that no WebSocket of RFC 6455 goes with.</exception>
    public static SslClientAuthenticationOptions Options(
        string host,
        SslClientAuthenticationOptions? given
    )
    {
        var options = given is null ? new SslClientAuthenticationOptions() : Copy(given);
        if (string.IsNullOrEmpty(options.TargetHost))
            options.TargetHost = NameOf(host);
        options.ApplicationProtocols ??= Http11;
        if (
            options.ApplicationProtocols.Exists(protocol =>
                protocol != SslApplicationProtocol.Http11
            )
        )
            throw new ArgumentException(
                Invariant(
                    $"ApplicationProtocols has {string.Join(", ", options.ApplicationProtocols)}; a WebSocket takes http/1.1, or none."
                ),
                nameof(given)
            );
        return options;
    }

    /// <summary>What certificates are made for: no dot at the end (RFC 6066 §3), no zone of an address.</summary>
    private static string NameOf(string host) => host.Split('%')[0].TrimEnd('.');

    private static SslClientAuthenticationOptions Copy(SslClientAuthenticationOptions given)
    {
        var options = new SslClientAuthenticationOptions
        {
            AllowRenegotiation = given.AllowRenegotiation,
            AllowTlsResume = given.AllowTlsResume,
            ApplicationProtocols = given.ApplicationProtocols,
            CertificateChainPolicy = given.CertificateChainPolicy,
            CertificateRevocationCheckMode = given.CertificateRevocationCheckMode,
            CipherSuitesPolicy = given.CipherSuitesPolicy,
            ClientCertificateContext = given.ClientCertificateContext,
            ClientCertificates = given.ClientCertificates,
            EnabledSslProtocols = given.EnabledSslProtocols,
            EncryptionPolicy = given.EncryptionPolicy,
            LocalCertificateSelectionCallback = given.LocalCertificateSelectionCallback,
            RemoteCertificateValidationCallback = given.RemoteCertificateValidationCallback,
            TargetHost = given.TargetHost,
        };
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            options.AllowRsaPkcs1Padding = given.AllowRsaPkcs1Padding;
            options.AllowRsaPssPadding = given.AllowRsaPssPadding;
        }
        return options;
    }

    private static string Describe(
        WebSocketUri uri,
        SslClientAuthenticationOptions options,
        Exception error
    )
    {
        var name = options.TargetHost == uri.Host ? "" : Invariant($" as {options.TargetHost}");
        return Invariant($"TLS with {uri.Authority}{name} failed: {error.Message}");
    }
}
