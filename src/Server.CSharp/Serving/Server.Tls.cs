using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace FunctionalWs;

public sealed partial class Server
{
    private readonly Seldom tlsFailures;

    /// <summary>The certificate that is of no use any more; null for none, and for one that is chosen later.</summary>
    private X509Certificate2? Expired(SslServerAuthenticationOptions ssl)
    {
        var certificate =
            ssl.ServerCertificateContext?.TargetCertificate
            ?? ssl.ServerCertificate as X509Certificate2;
        return
            certificate is not null
            && certificate.NotAfter.ToUniversalTime() < options.TimeProvider.GetUtcNow()
            ? certificate
            : null;
    }

    /// <summary>
    /// The application's part of a TLS handshake has failed: an error, however many clients come upon it, but not a record for
    /// each of them.
    /// </summary>
    internal void TlsCallbackFailed(Exception error)
    {
        if (tlsFailures.IsDue())
            log.TlsCallbackFailed(error);
        else
            log.TlsFailed("a callback of the application, or its certificate, failed again");
    }
}
