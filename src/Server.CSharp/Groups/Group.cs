using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The connections that are in the group of a name: see <see cref="Groups"/>. It may be kept, and stands for whoever is in it when it
/// is asked. Safe from any thread. Enumerated it gives the members as they were when that began, in no order, so
/// <see cref="Broadcast"/> takes some of them, too: <c>Broadcast.Send(room.Where(other => other != connection), text)</c>.
/// </summary>
public sealed class Group : IReadOnlyCollection<ServerConnection>
{
    private readonly Groups groups;

    internal Group(Groups groups, string name)
    {
        this.groups = groups;
        Name = name;
    }

    /// <summary>The name.</summary>
    public string Name { get; }

    /// <summary>
    /// The number of members. One that is no longer open is counted until what is registered for its
    /// <see cref="WebSocketConnection.Closed"/> has been called, on the thread pool.
    /// </summary>
    public int Count => groups.CountOf(Name);

    /// <summary>Adds a connection, which leaves by itself when it is no longer open.</summary>
    /// <param name="connection">The connection.</param>
    /// <returns>False when it is a member already, or no longer open.</returns>
    public bool Add(ServerConnection connection) => groups.Add(Name, connection);

    /// <summary>Takes a connection out. It may come back.</summary>
    /// <param name="connection">The connection.</param>
    /// <returns>False when it was no member.</returns>
    public bool Remove(ServerConnection connection) => groups.Remove(Name, connection);

    /// <summary>Whether a connection is a member.</summary>
    /// <param name="connection">The connection.</param>
    public bool Contains(ServerConnection connection) => groups.IsIn(Name, connection);

    /// <summary>
    /// What the application keeps with the group, such as its history: made when it is asked for first, and gone with the last
    /// member. A group without members keeps none: then it is one that nobody else gets.
    /// </summary>
    /// <param name="make">
    /// Makes it. Not called under a lock, so of several threads that ask first each may make one; one of them is kept, and all get that.
    /// What it throws is thrown on.
    /// </param>
    /// <returns>The state. The group doesn't guard what is in it.</returns>
    /// <exception cref="InvalidOperationException">The state is of another type, or null was made.</exception>
    public T State<T>(Func<T> make)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(make);
        var state =
            groups.StateOf(Name)
            ?? groups.KeepState(
                Name,
                make()
                    ?? throw new InvalidOperationException("The group has no state: null was made.")
            );
        return state as T
            ?? throw new InvalidOperationException(
                Invariant($"The group's state is a {state.GetType().Name}, no {typeof(T).Name}.")
            );
    }

    /// <summary>Sends a text message to all members, as <see cref="Broadcast"/> does: without waiting for any of them.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    public BroadcastResult Send(string text, bool? compress = null) =>
        Broadcast.Send(groups.MembersOf(Name), text, compress);

    /// <summary>Sends a binary message to all members, as <see cref="Broadcast"/> does: without waiting for any of them.</summary>
    /// <param name="data">The bytes, which are copied; may be empty.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    public BroadcastResult Send(ReadOnlySpan<byte> data, bool? compress = null) =>
        Broadcast.Send(groups.MembersOf(Name), data, compress);

    /// <summary>Sends bytes as a text or a binary message to all members, as <see cref="Broadcast"/> does: without waiting for any of them.</summary>
    /// <param name="data">The bytes, which are copied; may be empty. As text they have to be UTF-8.</param>
    /// <param name="kind">What the peers are told that it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">The kind is no value of <see cref="MessageKind"/>.</exception>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    public BroadcastResult Send(ReadOnlySpan<byte> data, MessageKind kind, bool? compress = null) =>
        Broadcast.Send(groups.MembersOf(Name), data, kind, compress);

    /// <summary>Sends a message as it is to all members, as <see cref="Broadcast"/> does: without waiting for any of them.</summary>
    /// <param name="message">The message.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    public BroadcastResult Send(Message message, bool? compress = null) =>
        Broadcast.Send(groups.MembersOf(Name), message, compress);

    /// <summary>
    /// Sends a value as a text message in JSON to all members, as <see cref="Broadcast"/> does: written once, and without waiting for
    /// any of them.
    /// </summary>
    /// <param name="value">The value; null is sent as <c>null</c>.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="JsonException">The value can't be, such as one in a cycle. Nothing was sent.</exception>
    public BroadcastResult Send<T>(T value, JsonTypeInfo<T> type, bool? compress = null) =>
        Broadcast.Send(groups.MembersOf(Name), value, type, compress);

    /// <summary>The members as they are now, in no order.</summary>
    public IEnumerator<ServerConnection> GetEnumerator() =>
        ((IEnumerable<ServerConnection>)groups.MembersOf(Name)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Name and number of members, for logs. The name is escaped, and cut.</summary>
    public override string ToString() => Invariant($"{PeerText.Escape(Name)} ({Count} members)");
}
