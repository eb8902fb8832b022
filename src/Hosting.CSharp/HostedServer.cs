using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace FunctionalWs.Hosting;

/// <summary>
/// A server of the host, as a service: what was added without a name by its type alone, what has a name by this as the key.
/// All members may be called from any thread.
/// </summary>
public sealed class HostedServer
{
    private volatile Server? server;

    internal HostedServer(string name) => Name = name;

    /// <summary>The name that the server was added with; empty for none.</summary>
    public string Name { get; }

    /// <summary>The server. Known from when the host has started it, after its end too.</summary>
    /// <exception cref="InvalidOperationException">The host hasn't started it.</exception>
    public Server Server
    {
        get =>
            server
            ?? throw new InvalidOperationException(
                Invariant(
                    $"{ServerName.Called(Name)} is not started yet: ask when the host has started."
                )
            );
        internal set => server = value;
    }

    /// <summary>Where it listens, the first address if there are several. Known as <see cref="Server"/> is.</summary>
    /// <exception cref="InvalidOperationException">The host hasn't started it, or it has no address of its own.</exception>
    public EndPoint EndPoint =>
        Server.LocalEndPoint
        ?? throw new InvalidOperationException(
            Invariant(
                $"{ServerName.Called(Name)} has no address: it serves in memory, or behind another server."
            )
        );

    /// <summary>True while it lets clients in.</summary>
    public bool IsAccepting => TryGet(out var found) && !found.IsStopping;

    internal bool TryGet([NotNullWhen(true)] out Server? found) => (found = server) is not null;
}
