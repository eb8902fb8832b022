namespace FunctionalWs;

public sealed partial class Server
{
    private readonly Seldom tlsFailures;

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
