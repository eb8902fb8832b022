using System.Collections;

namespace FunctionalWs;

/// <summary>
/// Named sets of connections: rooms, topics, users. A connection leaves all of them by itself as soon as it is no longer open, and a
/// group is gone with its last member, so nothing stays of who came by. Safe from any thread; no code of the application runs under
/// the lock of it.
/// </summary>
/// <remarks>
/// A name is any string, compared by its characters, ordinally: also an empty one, and one with lone surrogates. How many groups a
/// client may be in is for the application to bound, by <see cref="Of"/>, and so is the length of a name.
/// </remarks>
/// <example>
/// <code>
/// var rooms = new Groups();
/// using var server = Server.Serve(connection =>
/// {
///     rooms["kitchen"].Add(connection);
///     foreach (var message in connection)
///         rooms["kitchen"].Send(message);
/// }, "localhost", 8765);
/// server.ServeForever();
/// </code>
/// </example>
public sealed class Groups : IReadOnlyCollection<Group>
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Members> groups = new(StringComparer.Ordinal);

    private readonly Dictionary<ServerConnection, Membership> memberships = new(
        ReferenceEqualityComparer.Instance
    );

    /// <summary>The group of a name, whether or not it has members. Nothing is kept for it before it has.</summary>
    /// <param name="name">The name, any string.</param>
    public Group this[string name]
    {
        get
        {
            ArgumentNullException.ThrowIfNull(name);
            return new Group(this, name);
        }
    }

    /// <summary>The number of groups that have members.</summary>
    public int Count
    {
        get
        {
            using (gate.Hold())
                return groups.Count;
        }
    }

    /// <summary>The groups that a connection is in, as they are now, in no order; none once it has left.</summary>
    /// <param name="connection">The connection.</param>
    public IReadOnlyList<Group> Of(ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using (gate.Hold())
            return memberships.TryGetValue(connection, out var membership)
                ? [.. membership.Groups.Select(members => new Group(this, members.Name))]
                : [];
    }

    /// <summary>Takes a connection out of all groups. It may come back.</summary>
    /// <param name="connection">The connection.</param>
    /// <returns>False when it was in none.</returns>
    public bool Remove(ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Membership? membership;
        using (gate.Hold())
        {
            if (!memberships.TryGetValue(connection, out membership))
                return false;
            End(membership);
        }
        membership.Unwatch();
        return true;
    }

    /// <summary>The groups that have members, as they are now, in no order.</summary>
    public IEnumerator<Group> GetEnumerator()
    {
        Group[] all;
        using (gate.Hold())
            all = [.. groups.Keys.Select(name => new Group(this, name))];
        return ((IEnumerable<Group>)all).GetEnumerator();
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // ---- For a group

    internal bool Add(string name, ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        var closed = connection.Closed;
        return !closed.IsCancellationRequested && Join(name, connection, closed);
    }

    /// <summary>What follows the look at whether it is open; it may have ended by now.</summary>
    internal bool Join(string name, ServerConnection connection, CancellationToken closed)
    {
        Membership? begun = null;
        using (gate.Hold())
        {
            if (!memberships.TryGetValue(connection, out var membership))
                memberships[connection] = membership = begun = new Membership(this, connection);
            if (!groups.TryGetValue(name, out var members))
                groups[name] = members = new Members(name);
            if (!members.Add(connection))
                return false;
            membership.Groups.Add(members);
        }
        begun?.Watch(closed);
        return true;
    }

    internal bool Remove(string name, ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Membership? membership;
        using (gate.Hold())
        {
            if (
                !memberships.TryGetValue(connection, out membership)
                || !groups.TryGetValue(name, out var members)
                || !membership.Groups.Remove(members)
            )
                return false;
            Remove(members, connection);
            if (membership.Groups.Count > 0)
                return true;
            End(membership);
        }
        membership.Unwatch();
        return true;
    }

    /// <summary>What nobody changes.</summary>
    internal ServerConnection[] MembersOf(string name)
    {
        using (gate.Hold())
            return groups.TryGetValue(name, out var members) ? members.Snapshot() : [];
    }

    internal int CountOf(string name)
    {
        using (gate.Hold())
            return groups.TryGetValue(name, out var members) ? members.Count : 0;
    }

    internal bool IsIn(string name, ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using (gate.Hold())
            return groups.TryGetValue(name, out var members) && members.Contains(connection);
    }

    /// <summary>The state of a group; null for none yet.</summary>
    internal object? StateOf(string name)
    {
        using (gate.Hold())
            return groups.TryGetValue(name, out var members) ? members.State : null;
    }

    /// <summary>Gives a group its state, unless it has one; what is its state then. A group without members keeps none.</summary>
    internal object KeepState(string name, object made)
    {
        using (gate.Hold())
            return groups.TryGetValue(name, out var members) ? members.State ??= made : made;
    }

    // ---- For a membership

    /// <summary>The connection is no longer open. One that has left, and come back, has another membership.</summary>
    internal void Leave(Membership membership)
    {
        using (gate.Hold())
            if (IsCurrent(membership))
                End(membership);
    }

    /// <summary>Notes how a membership is told of the end; false when it is over already.</summary>
    internal bool Keep(Membership membership, CancellationTokenRegistration registration)
    {
        using (gate.Hold())
        {
            if (!IsCurrent(membership))
                return false;
            membership.Registration = registration;
            return true;
        }
    }

    // ---- Under the lock

    private bool IsCurrent(Membership membership) =>
        memberships.TryGetValue(membership.Connection, out var current) && current == membership;

    private void End(Membership membership)
    {
        memberships.Remove(membership.Connection);
        foreach (var members in membership.Groups)
            Remove(members, membership.Connection);
    }

    private void Remove(Members members, ServerConnection connection)
    {
        members.Remove(connection);
        if (members.Count == 0)
            groups.Remove(members.Name);
    }
}
