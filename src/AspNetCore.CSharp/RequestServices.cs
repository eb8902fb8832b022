using System.Diagnostics.CodeAnalysis;
using FunctionalWs.Hosting;

namespace FunctionalWs.AspNetCore;

/// <summary>Handlers that are classes, made with services of the scope of a connection's request.</summary>
internal static class RequestServices
{
    /// <summary>Gives a connection the services of its request, as long as its handler lives.</summary>
    public static HandlerScope Begin(ServerConnection connection) =>
        HandlerScope.Begin(connection, connection.HttpContext().RequestServices);

    public static void Handle<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(ServerConnection connection)
        where THandler : class, IConnectionHandler
    {
        var scope = Begin(connection);
        try
        {
            scope.Make<THandler>().Handle(connection);
            HandlerContext.AwaitPending(); // what is async void uses the services, too
        }
        finally
        {
            scope.EndWithHandler();
        }
    }

    public static Action<ServerConnection> ForMessages<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >()
        where THandler : MessageHandler
    {
        return MessageHandler.ForEach(Make);

        static MessageHandler Make(ServerConnection connection)
        {
            var scope = Begin(connection);
            connection.HandlerEnded = scope.End;
            return scope.Make<THandler>();
        }
    }
}
