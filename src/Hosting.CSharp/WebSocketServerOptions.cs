namespace FunctionalWs.Hosting;

/// <summary>
/// Where a server of the host listens, how long its end may take, and the settings of the server itself. Checked when the host
/// starts.
/// </summary>
public sealed class WebSocketServerOptions
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
    /// <see cref="ConnectionOptions.CloseTimeout"/>. What is left then, or when the host's own <c>ShutdownTimeout</c> is over, is
    /// cut.
    /// </summary>
    public TimeSpan? ShutdownTimeout { get; set; }

    /// <summary>
    /// The settings of the server. Where nothing is set, the logger factory is the host's, and the clock the one that is
    /// registered as a service.
    /// </summary>
    public ServerOptions ServerOptions { get; set; } = new();

    /// <summary>What a configuration says that can't be read.</summary>
    internal List<string> Misread { get; } = [];
}
