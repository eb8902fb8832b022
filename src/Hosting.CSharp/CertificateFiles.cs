namespace FunctionalWs.Hosting;

/// <summary>
/// The files of a certificate, for TLS on all of a server's listeners. They are looked at again and again: a renewed one is for the
/// connections that come then, one that can't be used leaves the certificate before it in place. Immutable.
/// </summary>
public sealed record CertificateFiles
{
    private static readonly TimeSpan MaxInterval = TimeSpan.FromDays(24);

    /// <summary>
    /// The certificate: a file in PEM, with those of its issuers behind it, or one in PKCS #12 (<c>.pfx</c>, <c>.p12</c>). Has to be
    /// set; relative to the process's current folder.
    /// </summary>
    public string? Path { get; init; }

    /// <summary>The key of a certificate in PEM; null, the default, where it is in the certificate's own file.</summary>
    public string? KeyPath { get; init; }

    /// <summary>What the key, or the file in PKCS #12, is encrypted with; null, the default, for nothing.</summary>
    public string? Password { get; init; }

    /// <summary>
    /// The time between two looks at the files: more than zero, at most 24 days; null to read them at the start alone. 30 seconds by
    /// default.
    /// </summary>
    public TimeSpan? ReloadInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Without the password.</summary>
    public override string ToString() => Path ?? "";

    /// <summary>What is missing, or out of its range; null for nothing.</summary>
    internal string? Mistake =>
        string.IsNullOrEmpty(Path) ? "Path is missing."
        : ReloadInterval is { } interval && (interval <= TimeSpan.Zero || interval > MaxInterval)
            ? Invariant(
                $"ReloadInterval is more than zero and at most {MaxInterval}, or null, not {interval}."
            )
        : null;
}
