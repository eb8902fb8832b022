using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>The asynchronous handler of a rule, made for each connection. There is one of a class: rules with it are of one endpoint.</summary>
internal sealed class AsyncHandlerClass<
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
> : IHandlerClass
    where THandler : class, IAsyncConnectionHandler
{
    public static readonly AsyncHandlerClass<THandler> Instance = new();

    private readonly Action<ServerConnection> begin = MessageHandler.Converse(connection =>
        ServerConnectionExtensions
            .Scope(connection)
            .Make<THandler>()
            .HandleAsync(connection, connection.Closed)
    );

    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
    public Type Type => typeof(THandler);

    public void Handle(ServerConnection connection) => begin(connection);
}
