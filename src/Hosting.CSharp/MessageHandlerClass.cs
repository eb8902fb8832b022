using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>The handler for messages of a rule, made for each connection. There is one of a class: rules with it are of one endpoint.</summary>
internal sealed class MessageHandlerClass<
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
> : IHandlerClass
    where THandler : MessageHandler
{
    public static readonly MessageHandlerClass<THandler> Instance = new();

    private readonly Action<ServerConnection> begin = MessageHandler.ForEach(connection =>
        ServerConnectionExtensions.Scope(connection).Make<THandler>()
    );

    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
    public Type Type => typeof(THandler);

    public void Handle(ServerConnection connection) => begin(connection);
}
