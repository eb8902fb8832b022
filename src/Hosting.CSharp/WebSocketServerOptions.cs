namespace FunctionalWs.Hosting;

/// <summary>
/// All settings of a server of the host: where it listens, how long its end may take, and what any server has. Checked when the
/// host starts.
/// </summary>
public sealed partial class WebSocketServerOptions
{
    /// <summary>
    /// An address or a name; <c>localhost</c>, the default, is 127.0.0.1. Null or empty for all addresses of the machine.
    /// </summary>
    public string? Address { get; set; } = "localhost";

    /// <summary>
    /// 1 to 65535, or 0 for any free one, which <see cref="HostedServer.EndPoint"/> tells. Null, the default, for a server
    /// without a port: a server takes one of this, <see cref="UnixSocketPath"/> and <see cref="SystemdSockets"/>.
    /// </summary>
    public int? Port { get; set; }

    /// <summary>
    /// The path of a Unix socket, as with
    /// <see cref="Server.UnixServe(Action{ServerConnection}, string, ServerOptions?)"/>; null, the default, for none.
    /// </summary>
    public string? UnixSocketPath { get; set; }

    /// <summary>
    /// True to serve on the sockets that systemd has opened, as with
    /// <see cref="Server.SystemdServe(Action{ServerConnection}, ServerOptions?)"/>; false by default.
    /// </summary>
    public bool SystemdSockets { get; set; }

    /// <summary>
    /// How long handlers have when the host stops: more than zero; null, the default, for the
    /// <see cref="CloseTimeout"/>. What is left then, or when the host's own <c>ShutdownTimeout</c> is over, is cut.
    /// </summary>
    public TimeSpan? ShutdownTimeout { get; set; }

    /// <summary>
    /// TLS with a certificate from files, which may be renewed while the server runs; null, the default, for none. It is set in
    /// <see cref="Ssl"/>, which may have all else of TLS.
    /// </summary>
    public CertificateFiles? Certificate { get; set; }

    /// <summary>
    /// The same settings that are the other properties here, as the one value that a server without a host takes: to give a host
    /// what another server or a test has, too. Where nothing is set, the logger factory is the host's, and the clock the one that
    /// is registered as a service.
    /// </summary>
    public ServerOptions ServerOptions { get; set; } = new();

    /// <summary>Tells the contents of the certificate's files; null before they are read, and without any.</summary>
    internal string? CertificateDigest { get; set; }

    /// <summary>True where it listens nowhere: in a host that serves in memory, and behind another server.</summary>
    internal bool IsInMemory { get; set; }

    /// <summary>What its configuration says.</summary>
    internal SettingSources Sources { get; } = new();
}
