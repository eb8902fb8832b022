using System.Net.Security;
using Microsoft.Extensions.Logging;

namespace FunctionalWs.Hosting;

/// <summary>Looks at a certificate's files and takes a renewed one for the connections that come, as long as its server runs.</summary>
/// <remarks>
/// It looks at what is in the files: notices of the file system tell nothing where files are links, as those of certbot and of
/// Kubernetes are.
/// </remarks>
internal sealed class CertificateRenewal : IDisposable
{
    private static readonly EventId Renewed = new(1, nameof(Renewed));
    private static readonly EventId Failed = new(2, nameof(Failed));

    private readonly CertificateFiles files;
    private readonly SslServerAuthenticationOptions ssl;
    private readonly ILogger log;
    private readonly ITimer timer;
    private readonly TimeSpan interval;
    private string digest; // of what was taken last
    private string? failure;

    private CertificateRenewal(WebSocketServerOptions options, TimeSpan interval)
    {
        files = options.Certificate!;
        ssl = options.Ssl!;
        digest = options.CertificateDigest!;
        log = new GuardedLogger(options.LoggerFactory.CreateLogger("FunctionalWs.Hosting"));
        this.interval = interval;
        timer = options.TimeProvider.CreateTimer(
            _ => Look(),
            null,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan
        );
        WaitForNext();
    }

    /// <summary>Null for a server without such files, and for one that reads them once.</summary>
    public static CertificateRenewal? Begin(WebSocketServerOptions options) =>
        options is { CertificateDigest: not null, Certificate.ReloadInterval: { } interval }
            ? new CertificateRenewal(options, interval)
            : null;

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        try
        {
            var contents = CertificateContents.Read(files);
            if (contents.Digest != digest)
                Take(contents);
            failure = null;
        }
        catch (Exception error) // whatever is in the files: a timer's thread has nobody to tell
        {
            Tell(error);
        }
        WaitForNext();
    }

    private void Take(CertificateContents contents)
    {
        var context = contents.Load();
        digest = contents.Digest;
        ssl.ServerCertificateContext = context;
        log.LogInformation(
            Renewed,
            "The certificate {Path} was renewed; it ends at {NotAfter:u}",
            files.Path,
            context.TargetCertificate.NotAfter.ToUniversalTime()
        );
    }

    /// <summary>A file that is missing is so at each look: it is told once.</summary>
    private void Tell(Exception error)
    {
        if (error.Message == failure)
            return;
        failure = error.Message;
        log.LogError(
            Failed,
            error,
            "The certificate was not renewed, the one before it stays: {Why}",
            CertificateSetup.Told(files, error)
        );
    }

    /// <summary>One look after another, however long one takes.</summary>
    private void WaitForNext() => timer.Change(interval, Timeout.InfiniteTimeSpan);
}
