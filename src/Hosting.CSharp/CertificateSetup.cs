using System.Net.Security;

namespace FunctionalWs.Hosting;

/// <summary>Gives a server's options the certificate whose files they name.</summary>
internal static class CertificateSetup
{
    /// <summary>What is wrong is told with the settings that can't be read.</summary>
    public static void Load(WebSocketServerOptions options)
    {
        if (options.Certificate is { } files && Try(options, files) is { } wrong)
            options.Sources.Misread.Add(
                Invariant($"{options.Sources.KeyOf(nameof(options.Certificate))}: {wrong}")
            );
    }

    /// <summary>Why files can't be used: an error of ciphers doesn't say which file it is about.</summary>
    public static string Told(CertificateFiles files, Exception error) =>
        error.Message.Contains(files.Path!, StringComparison.Ordinal)
            ? error.Message
            : Invariant($"'{files.Path}' can't be used: {error.Message}");

    /// <summary>What is wrong; null for nothing.</summary>
    private static string? Try(WebSocketServerOptions options, CertificateFiles files)
    {
        var given = options.Ssl ?? new SslServerAuthenticationOptions();
        if (files.Mistake is { } mistake)
            return mistake;
        if (
            given
            is not {
                ServerCertificate: null,
                ServerCertificateContext: null,
                ServerCertificateSelectionCallback: null,
            }
        )
            return "Ssl has a certificate of its own, or chooses one: it takes that or files.";
        try
        {
            var contents = CertificateContents.Read(files);
            // The application's own may be for several servers.
            var ssl = TlsCallbacks.Copy(given);
            ssl.RemoteCertificateValidationCallback = given.RemoteCertificateValidationCallback;
            ssl.ServerCertificateContext = contents.Load();
            options.Ssl = ssl;
            options.CertificateDigest = contents.Digest;
            return null;
        }
        catch (Exception error) // whatever is in the files
        {
            return Told(files, error);
        }
    }
}
