using System.Collections;

namespace FunctionalWs;

/// <summary>
/// What the records of a connection have in common. Asked for with each record: behind a proxy the client's address
/// becomes known on the way.
/// </summary>
internal sealed class ConnectionScope(WebSocketConnection connection)
    : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => 2;

    public KeyValuePair<string, object?> this[int index] =>
        index switch
        {
            0 => new("ConnectionId", connection.Id),
            1 => new("RemoteEndPoint", PeerText.Of(connection.RemoteEndPoint)),
            _ => throw new ArgumentOutOfRangeException(nameof(index), index, "There are two."),
        };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        yield return this[0];
        yield return this[1];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() =>
        Invariant($"{connection.Id} {PeerText.Of(connection.RemoteEndPoint)}");
}
