namespace FunctionalWs;

/// <summary>Who is in one group. Guarded by the lock of the groups.</summary>
internal sealed class Members(string name)
{
    // By identity: what a subclass says of equality is not asked.
    private readonly HashSet<ServerConnection> connections = new(
        ReferenceEqualityComparer.Instance
    );

    private ServerConnection[]? snapshot; // until somebody comes or goes

    public string Name => name;

    public int Count => connections.Count;

    /// <summary>What the application keeps with the group; null for none.</summary>
    public object? State { get; set; }

    public bool Contains(ServerConnection connection) => connections.Contains(connection);

    public bool Add(ServerConnection connection)
    {
        snapshot = null;
        return connections.Add(connection);
    }

    public void Remove(ServerConnection connection)
    {
        snapshot = null;
        connections.Remove(connection);
    }

    /// <summary>All of them, in an array that is not changed: messages to a group whose members stay make none.</summary>
    public ServerConnection[] Snapshot() => snapshot ??= [.. connections];
}
