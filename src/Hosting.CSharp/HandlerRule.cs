using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>
/// Rules whose handlers are classes: each connection has an instance, whose constructor takes services, from a scope of its own. For
/// the routers of servers in a host.
/// </summary>
/// <example>
/// <code>
/// new Router([HandlerRule.To&lt;DriverHandler&gt;("/driver/{id:int}"), new Rule("/", Home)])
/// </code>
/// </example>
public static class HandlerRule
{
    /// <summary>A rule whose handler is a class that handles connections.</summary>
    /// <typeparam name="THandler">
    /// The class; it needn't be a service itself. It finds the values of the path in <see cref="ServerConnection.RouteValues"/>.
    /// </typeparam>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    public static Rule To<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(string pattern)
        where THandler : class, IConnectionHandler =>
        new(pattern, ConnectionHandlerClass<THandler>.Instance.Handle);

    /// <summary>
    /// A rule whose handler is a class that is called for each message; the scope ends after its <see cref="MessageHandler.Closed"/>.
    /// </summary>
    /// <typeparam name="THandler">
    /// The class; it needn't be a service itself. It finds the values of the path in <see cref="ServerConnection.RouteValues"/>.
    /// </typeparam>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    public static Rule ToMessages<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(string pattern)
        where THandler : MessageHandler =>
        new(pattern, MessageHandlerClass<THandler>.Instance.Handle);

    /// <summary>
    /// A rule whose handler is a class that handles connections as tasks, without a thread while they wait; the scope ends after the
    /// task.
    /// </summary>
    /// <typeparam name="THandler">
    /// The class; it needn't be a service itself. It finds the values of the path in <see cref="ServerConnection.RouteValues"/>.
    /// </typeparam>
    /// <param name="pattern">The paths, in either notation; they begin with a slash.</param>
    public static Rule ToAsync<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(string pattern)
        where THandler : class, IAsyncConnectionHandler =>
        new(pattern, AsyncHandlerClass<THandler>.Instance.Handle);
}
