using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace FunctionalWs.Hosting;

/// <summary>What is in the files of a certificate.</summary>
/// <param name="files">Where they are, and how they are encrypted.</param>
/// <param name="certificate">The content of the certificate's file.</param>
/// <param name="key">The content of the key's own; null for none.</param>
internal sealed class CertificateContents(CertificateFiles files, byte[] certificate, byte[]? key)
{
    private const string EncryptedKey = "BEGIN ENCRYPTED PRIVATE KEY";

    /// <summary>Tells other contents from these; nothing of them can be read from it.</summary>
    public string Digest =>
        Convert.ToHexString(SHA256.HashData(certificate))
        + Convert.ToHexString(SHA256.HashData(key ?? []));

    private static ReadOnlySpan<byte> Begin => "-----BEGIN "u8;

    private bool IsPem => certificate.AsSpan().IndexOf(Begin) >= 0;

    /// <exception cref="IOException">A file can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static CertificateContents Read(CertificateFiles files) =>
        new(
            files,
            File.ReadAllBytes(files.Path!),
            files.KeyPath is null ? null : File.ReadAllBytes(files.KeyPath)
        );

    /// <exception cref="CryptographicException">They are no certificate with its key.</exception>
    public SslStreamCertificateContext Load()
    {
        var issuers = new X509Certificate2Collection();
        var found = IsPem ? OfPem(issuers) : OfPkcs12(issuers);
        return SslStreamCertificateContext.Create(found, issuers, offline: true);
    }

    private X509Certificate2 OfPem(X509Certificate2Collection issuers)
    {
        var text = Encoding.UTF8.GetString(certificate);
        var keyText = key is null ? text : Encoding.UTF8.GetString(key);
        var isEncrypted = keyText.Contains(EncryptedKey, StringComparison.Ordinal);
        if (isEncrypted && files.Password is null)
            throw new CryptographicException("The key is encrypted, and there is no Password.");
        issuers.ImportFromPem(text); // the certificate itself, too, which is passed over
        var found = isEncrypted
            ? X509Certificate2.CreateFromEncryptedPem(text, keyText, files.Password)
            : X509Certificate2.CreateFromPem(text, keyText);
        if (!OperatingSystem.IsWindows())
            return found;
        using (found) // whose TLS takes no key that was never in a store
            return X509CertificateLoader.LoadPkcs12(found.Export(X509ContentType.Pkcs12), null);
    }

    private X509Certificate2 OfPkcs12(X509Certificate2Collection issuers)
    {
        if (key is not null)
            throw new CryptographicException(
                "It is no PEM: a file in PKCS #12 has its key in it, so KeyPath is null."
            );
        var all = X509CertificateLoader.LoadPkcs12Collection(certificate, files.Password);
        var found =
            all.FirstOrDefault(each => each.HasPrivateKey)
            ?? throw new CryptographicException("There is no certificate with a private key.");
        issuers.AddRange(all);
        return found;
    }
}
