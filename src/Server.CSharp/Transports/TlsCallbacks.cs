using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace FunctionalWs;

/// <summary>
/// The application's part in one TLS handshake: its callbacks and its certificate. What fails in here is the application's
/// fault and is remembered as such; all else that ends a handshake is the client's doing.
/// </summary>
internal sealed class TlsCallbacks(SslServerAuthenticationOptions given)
{
    // To build a certificate's chain for each client costs more than the handshake: once for each certificate, however it is set.
    private static readonly ConditionalWeakTable<
        X509Certificate2,
        SslStreamCertificateContext
    > Prepared = [];

    /// <summary>What a callback threw, or what is wrong with the certificate; null for nothing.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The settings as they are now, with callbacks that are watched.</summary>
    public SslServerAuthenticationOptions ToOptions()
    {
        var options = Copy(given);
        if (given.ServerCertificate is X509Certificate2 certificate)
            Watch(() => Usable(certificate));
        if (given is { ServerCertificateContext: null, ServerCertificateSelectionCallback: null })
            options.ServerCertificateContext = Watch(() => PreparedOf(given.ServerCertificate));
        if (given.ServerCertificateSelectionCallback is { } select)
            options.ServerCertificateSelectionCallback = (sender, host) =>
                Watch(() => Usable(select(sender, host)));
        if (given.RemoteCertificateValidationCallback is { } validate)
            options.RemoteCertificateValidationCallback = (sender, certificate, chain, errors) =>
                Watch(() => validate(sender, certificate, chain, errors));
        return options;
    }

    /// <summary>The same settings, callbacks aside.</summary>
    public static SslServerAuthenticationOptions Copy(SslServerAuthenticationOptions given)
    {
        var options = new SslServerAuthenticationOptions
        {
            AllowRenegotiation = given.AllowRenegotiation,
            AllowTlsResume = given.AllowTlsResume,
            ApplicationProtocols = given.ApplicationProtocols,
            CertificateChainPolicy = given.CertificateChainPolicy,
            CertificateRevocationCheckMode = given.CertificateRevocationCheckMode,
            CipherSuitesPolicy = given.CipherSuitesPolicy,
            ClientCertificateRequired = given.ClientCertificateRequired,
            EnabledSslProtocols = given.EnabledSslProtocols,
            EncryptionPolicy = given.EncryptionPolicy,
            ServerCertificate = given.ServerCertificate,
            ServerCertificateContext = given.ServerCertificateContext,
        };
        if (OperatingSystem.IsLinux() || OperatingSystem.IsWindows())
        {
            options.AllowRsaPkcs1Padding = given.AllowRsaPkcs1Padding;
            options.AllowRsaPssPadding = given.AllowRsaPssPadding;
        }
        return options;
    }

    private static SslStreamCertificateContext? PreparedOf(X509Certificate? certificate) =>
        certificate is X509Certificate2 { HasPrivateKey: true } whole
            ? Prepared.GetValue(whole, made => SslStreamCertificateContext.Create(made, null))
            : null;

    private T Watch<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception error)
        {
            Failure ??= error;
            throw;
        }
    }

    /// <summary>A client may ask for a name that there is no certificate for: null is no fault of the application's.</summary>
    private static X509Certificate Usable(X509Certificate? certificate) =>
        certificate is X509Certificate2 { HasPrivateKey: false } lacking
            ? throw new InvalidOperationException(
                Invariant($"The certificate of '{lacking.Subject}' has no private key.")
            )
            : certificate!;
}
