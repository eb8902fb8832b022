namespace FunctionalWs;

/// <summary>
/// A connection's scope of a logger, and a note that what follows is in it: it flows as scopes do, so that none is begun twice.
/// </summary>
internal sealed class HeldScope : IDisposable
{
    private static readonly AsyncLocal<WebSocketConnection?> Current = new();

    private readonly IDisposable scope;
    private readonly WebSocketConnection? outer;

    public HeldScope(IDisposable scope, WebSocketConnection connection)
    {
        this.scope = scope;
        outer = Current.Value;
        Current.Value = connection;
    }

    /// <summary>True where records are in the connection's scope.</summary>
    public static bool IsIn(WebSocketConnection connection) =>
        ReferenceEquals(Current.Value, connection);

    public void Dispose()
    {
        Current.Value = outer;
        scope.Dispose();
    }
}
