using System.Collections;

namespace FunctionalWs;

/// <summary>
/// What the records of a connection have in common. Asked for with each record: behind a proxy the client's address
/// becomes known on the way, and its user with its request.
/// </summary>
internal sealed class ConnectionScope(WebSocketConnection connection)
    : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => Shown().Length;

    public KeyValuePair<string, object?> this[int index] => Shown()[index];

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() =>
        Shown().AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => string.Join(' ', Shown().Select(pair => pair.Value));

    private KeyValuePair<string, object?>[] Shown()
    {
        KeyValuePair<string, object?>[] all =
        [
            new("ConnectionId", connection.Id),
            new("RemoteEndPoint", PeerText.Of(connection.RemoteEndPoint)),
        ];
        return (connection as ServerConnection)?.Username is { } user
            ? [.. all, new("Username", PeerText.Escape(user))]
            : all;
    }
}
