using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>The application's records of one connection: each is in the connection's scope, whichever thread writes it.</summary>
internal sealed class ConnectionLogger(ILogger inner, WebSocketConnection connection) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    )
    {
        if (!inner.IsEnabled(logLevel))
            return;
        using var scope = HeldScope.IsIn(connection)
            ? null
            : FunctionalWs.Log.BeginConnection(inner, connection);
        inner.Log(logLevel, eventId, state, exception, formatter);
    }
}
