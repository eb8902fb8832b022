using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace FunctionalWs.Hosting;

/// <summary>
/// Adds WebSocket servers to the services of a host. They start and stop with it, and serve on threads of their own.
/// </summary>
/// <remarks>
/// A server without a name is found as the service <see cref="HostedServer"/>, one with a name as the keyed service of that
/// name. When the address can't be had the host doesn't start. When the host stops, all clients are told 1001 and handlers have
/// until <see cref="WebSocketServerOptions.ShutdownTimeout"/>.
/// </remarks>
public static class WebSocketServerServiceCollectionExtensions
{
    /// <summary>Adds a server whose handler takes the connection alone.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="handler">
    /// Called for each connection on its own thread. When it returns, the connection is closed with 1000, when it throws with
    /// 1011.
    /// </param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Action<ServerConnection> handler,
        string name = ""
    )
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Add(services, name, _ => (handler, null));
    }

    /// <summary>Adds a server whose handler is asynchronous and takes the connection alone.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Func<ServerConnection, Task> handler,
        string name = ""
    ) => services.AddWebSocketServer(HandlerContext.Blocking(handler), name);

    /// <summary>Adds a server whose handler is asynchronous and takes services, of a scope for each connection.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the scope ends.
    /// </param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Func<ServerConnection, IServiceProvider, Task> handler,
        string name = ""
    )
    {
        ArgumentNullException.ThrowIfNull(handler);
        return services.AddWebSocketServer(
            (connection, scope) =>
            {
                HandlerContext.AwaitHandler(handler(connection, scope));
            },
            name
        );
    }

    /// <summary>Adds a server whose handler takes services, of a scope for each connection.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="handler">Called for each connection on its own thread. When it ends, the scope ends.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Action<ServerConnection, IServiceProvider> handler,
        string name = ""
    )
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Add(services, name, provider => (provider.PerConnection(handler), null));
    }

    /// <summary>Adds a server whose handler is a class: each connection has a scope, and an instance from it.</summary>
    /// <typeparam name="THandler">
    /// The class; its constructor takes services. It is added to the services as a scoped one, unless it is there already.
    /// </typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IServiceCollection services, string name = "")
        where THandler : class, IConnectionHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<THandler>();
        return services.AddWebSocketServer(
            (connection, scope) => scope.GetRequiredService<THandler>().Handle(connection),
            name
        );
    }

    /// <summary>Adds a server that routes. Its handlers find services in <see cref="ServerConnectionExtensions.Services"/>.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="router">Gives each connection the handler of the rule that takes its request.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Router router,
        string name = ""
    )
    {
        ArgumentNullException.ThrowIfNull(router);
        return Add(services, name, provider => Routing(provider, router));
    }

    /// <summary>Adds a server that routes by a router whose constructor takes services.</summary>
    /// <typeparam name="TRouter">
    /// The router. It is added to the services as a singleton, unless it is there already: its rules are the same for all
    /// connections. What is for one connection, handlers find in <see cref="ServerConnectionExtensions.Services"/>.
    /// </typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketRouter<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TRouter
    >(this IServiceCollection services, string name = "")
        where TRouter : Router
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<TRouter>();
        return Add(
            services,
            name,
            provider => Routing(provider, provider.GetRequiredService<TRouter>())
        );
    }

    private static (Action<ServerConnection>, Router?) Routing(
        IServiceProvider services,
        Router router
    ) => (services.PerConnection((connection, _) => router.Handle(connection)), router);

    private static WebSocketServerBuilder Add(
        IServiceCollection services,
        string name,
        Func<IServiceProvider, (Action<ServerConnection> Handler, Router? Router)> serving
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        AddHostedServer(services, name);
        services.AddSingleton<IValidateOptions<WebSocketServerOptions>>(
            new OptionsValidation(name)
        );
        services.AddSingleton<IPostConfigureOptions<WebSocketServerOptions>>(
            provider => new HostDefaults(name, provider)
        );
        services.AddSingleton<IHostedService>(Service);
        return new WebSocketServerBuilder(
            services.AddOptions<WebSocketServerOptions>(name).ValidateOnStart()
        );

        ServerService Service(IServiceProvider provider)
        {
            // Made before those who export: the container ends last what was made first, and they read once more at their end.
            _ = provider.GetService<IMeterFactory>();
            return new(
                provider.GetRequiredKeyedService<HostedServer>(name),
                () => Starting(provider)
            );
        }

        StartingServer Starting(IServiceProvider provider)
        {
            var (handler, router) = serving(provider);
            var options = provider.GetRequiredService<IOptionsMonitor<WebSocketServerOptions>>();
            return new StartingServer(handler, router, options.Get(name));
        }
    }

    private static void AddHostedServer(IServiceCollection services, string name)
    {
        if (
            services.Any(service =>
                service.ServiceType == typeof(HostedServer) && name.Equals(service.ServiceKey)
            )
        )
            throw new InvalidOperationException(
                Invariant(
                    $"{ServerName.Called(name)} is there already: give another one a name of its own."
                )
            );
        services.AddKeyedSingleton(name, new HostedServer(name));
        if (name.Length == 0)
            services.AddSingleton(provider => provider.GetRequiredKeyedService<HostedServer>(name));
    }
}
