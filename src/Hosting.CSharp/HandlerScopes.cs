using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.Hosting;

/// <summary>Handlers that give each connection a scope of services.</summary>
internal static class HandlerScopes
{
    /// <summary>A handler of connections; one for messages may be begun in it.</summary>
    public static Action<ServerConnection> PerConnection(
        this IServiceProvider services,
        Action<ServerConnection, HandlerScope> handler
    )
    {
        var scopes = services.GetRequiredService<IServiceScopeFactory>();
        return connection =>
        {
            var scope = HandlerScope.Begin(connection, scopes);
            try
            {
                handler(connection, scope);
                HandlerContext.AwaitPending(); // what is async void uses the scope, too
            }
            catch (Exception error)
            {
                EndAfter(error, scope);
                throw;
            }
            scope.EndWithHandler();
        };
    }

    /// <summary>What services throw at their end doesn't hide why the handler has failed: both are told.</summary>
    private static void EndAfter(Exception error, HandlerScope scope)
    {
        try
        {
            scope.EndWithHandler();
        }
        catch (Exception other)
        {
            throw new AggregateException(error, other);
        }
    }

    /// <summary>A handler for messages that is a class.</summary>
    public static Action<ServerConnection> ForMessages<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IServiceProvider services)
        where THandler : MessageHandler
    {
        var scopes = services.GetRequiredService<IServiceScopeFactory>();
        return MessageHandler.ForEach(Make);

        MessageHandler Make(ServerConnection connection)
        {
            var scope = HandlerScope.Begin(connection, scopes);
            try
            {
                var handler = scope.Make<THandler>();
                connection.HandlerEnded = scope.End;
                return handler;
            }
            catch
            {
                scope.End(); // nobody tells of the end where there is no handler
                throw;
            }
        }
    }
}
