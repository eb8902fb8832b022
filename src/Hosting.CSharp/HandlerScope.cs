using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.Hosting;

/// <summary>
/// A scope of services for one connection, from before its handler runs until after; until after the last call of a handler for
/// messages. One thread at a time.
/// </summary>
internal sealed class HandlerScope
{
    private static readonly object Key = new();

    private readonly ServerConnection connection;
    private readonly IAsyncDisposable? scope; // null where it is somebody else's
    private object? made; // by this class, so that no container ends it

    private HandlerScope(
        ServerConnection connection,
        IServiceProvider services,
        IAsyncDisposable? scope
    )
    {
        this.connection = connection;
        this.scope = scope;
        Services = services;
        connection.Items[Key] = this;
    }

    public IServiceProvider Services { get; }

    public static HandlerScope Begin(ServerConnection connection, IServiceScopeFactory scopes)
    {
        var scope = scopes.CreateAsyncScope();
        return new HandlerScope(connection, scope.ServiceProvider, scope);
    }

    /// <summary>The services of a scope that somebody else ends, later.</summary>
    public static HandlerScope Begin(ServerConnection connection, IServiceProvider services) =>
        new(connection, services, null);

    /// <summary>The connection's scope; null outside of its handler.</summary>
    public static HandlerScope? Of(ServerConnection connection) =>
        connection.Items.TryGetValue(Key, out var scope) ? (HandlerScope?)scope : null;

    /// <summary>The scope's instance of a handler's class, which needn't be a service itself.</summary>
    public T Make<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T
    >()
        where T : class
    {
        if (Services.GetService<T>() is { } service)
            return service;
        var instance = ActivatorUtilities.CreateInstance<T>(Services);
        made = instance;
        return instance;
    }

    /// <summary>Ends it now, or, where messages are given to a handler from now on, after that has been told of the end.</summary>
    public void EndWithHandler()
    {
        if (connection.GivesMessages)
            connection.HandlerEnded = End;
        else
            End();
    }

    public void End()
    {
        connection.Items.Remove(Key);
        // A handler's thread may wait, and no context wants it back.
        EndAll().AsTask().GetAwaiter().GetResult();
    }

    private async ValueTask EndAll()
    {
        try
        {
            if (made is IAsyncDisposable late)
                await late.DisposeAsync().ConfigureAwait(false);
            else
                (made as IDisposable)?.Dispose();
        }
        finally
        {
            if (scope is not null)
                await scope.DisposeAsync().ConfigureAwait(false);
        }
    }
}
