using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>The handler of a rule that is made for each connection. There is one of a class: rules with it are of one endpoint.</summary>
internal sealed class ConnectionHandlerClass<
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
> : IHandlerClass
    where THandler : class, IConnectionHandler
{
    public static readonly ConnectionHandlerClass<THandler> Instance = new();

    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
    public Type Type => typeof(THandler);

    public void Handle(ServerConnection connection) =>
        ServerConnectionExtensions.Scope(connection).Make<THandler>().Handle(connection);
}
