using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.Hosting;

/// <summary>A scope of services for each connection, from before its handler runs until after.</summary>
internal static class HandlerScope
{
    private static readonly object Key = new();

    /// <summary>A handler of connections that gives each one a scope of its own.</summary>
    public static Action<ServerConnection> PerConnection(
        this IServiceProvider services,
        Action<ServerConnection, IServiceProvider> handler
    )
    {
        var scopes = services.GetRequiredService<IServiceScopeFactory>();
        return connection =>
        {
            var scope = scopes.CreateAsyncScope();
            try
            {
                connection.Items[Key] = scope.ServiceProvider;
                handler(connection, scope.ServiceProvider);
                HandlerContext.AwaitPending(); // what is async void uses the scope, too
            }
            finally
            {
                connection.Items.Remove(Key);
                // The thread is the connection's own, so it may wait; and no context wants it back.
                scope.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
        };
    }

    /// <summary>The services of the connection's scope; null outside of its handler.</summary>
    public static IServiceProvider? Of(ServerConnection connection) =>
        connection.Items.TryGetValue(Key, out var services) ? (IServiceProvider?)services : null;
}
