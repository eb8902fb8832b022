using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionalWs.Hosting;

/// <summary>
/// Adds WebSocket servers to the services of a host. They start and stop with it, and serve on threads of their own.
/// </summary>
/// <remarks>
/// A server without a name is found as the service <see cref="HostedServer"/>, one with a name as the keyed service of that
/// name. When the address can't be had the host doesn't start, nor when a handler's class takes services that there aren't. When the host stops, all clients are told 1001 and handlers have
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
        return Add(services, name, _ => new ServedHandler(handler));
    }

    /// <summary>Adds a server whose handler is asynchronous and takes the connection alone.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="handler">
    /// Called for each connection on its own thread, which waits for the task. When it has ended, the connection is closed with
    /// 1000, when it has failed with 1011.
    /// </param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    [OverloadResolutionPriority(1)] // for one that only throws, which fits those that make message handlers, too
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Func<ServerConnection, Task> handler,
        string name = ""
    ) => services.AddWebSocketServer(HandlerContext.Blocking(handler), name);

    /// <summary>Adds a server that makes a message handler for each connection; with services, it is a class: <see cref="AddWebSocketMessageServer"/>.</summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="make">Makes a connection's handler, which keeps its state. What it throws closes the connection with 1011.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketServer(
        this IServiceCollection services,
        Func<ServerConnection, MessageHandler> make,
        string name = ""
    ) => services.AddWebSocketServer(MessageHandler.ForEach(make), name);

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
        return Add(
            services,
            name,
            provider => new ServedHandler(
                provider.PerConnection((connection, scope) => handler(connection, scope.Services))
            )
        );
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
        return Add(
            services,
            name,
            provider => new ServedHandler(
                provider.PerConnection(
                    (connection, scope) => scope.Make<THandler>().Handle(connection)
                ),
                Class: ConnectionHandlerClass<THandler>.Instance
            )
        );
    }

    /// <summary>
    /// Adds a server whose handler for messages is a class: each connection has a scope, and an instance from it, which is called for
    /// each of its messages. No thread waits while nothing comes. The scope ends after <see cref="MessageHandler.Closed"/>.
    /// </summary>
    /// <typeparam name="THandler">
    /// The class; its constructor takes services. It is added to the services as a scoped one, unless it is there already.
    /// </typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketMessageServer<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IServiceCollection services, string name = "")
        where THandler : MessageHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<THandler>();
        return Add(
            services,
            name,
            provider => new ServedHandler(
                provider.ForMessages<THandler>(),
                Class: MessageHandlerClass<THandler>.Instance
            )
        );
    }

    /// <summary>
    /// Adds a server whose asynchronous handler is a class: each connection has a scope, and an instance from it. No thread waits while
    /// its task does. The scope ends after the task.
    /// </summary>
    /// <typeparam name="THandler">
    /// The class; its constructor takes services. It is added to the services as a scoped one, unless it is there already.
    /// </typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="name">Tells several servers of a host apart; empty for none.</param>
    /// <exception cref="InvalidOperationException">There is a server of that name already.</exception>
    public static WebSocketServerBuilder AddWebSocketAsyncServer<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] THandler
    >(this IServiceCollection services, string name = "")
        where THandler : class, IAsyncConnectionHandler
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddScoped<THandler>();
        var handler = AsyncHandlerClass<THandler>.Instance;
        return Add(
            services,
            name,
            provider => new ServedHandler(
                provider.PerConnection((connection, _) => handler.Handle(connection)),
                Class: handler
            )
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
            provider => Routing(provider, provider.GetRequiredService<TRouter>()),
            new RouterClass<TRouter>()
        );
    }

    /// <summary>
    /// Makes all WebSocket servers of the host serve in memory, for tests of it: they listen nowhere, whatever their settings say, read
    /// no certificate, and are all else that they are. <c>InMemoryServer.For(hosted.Server)</c> of <c>FunctionalWs.Testing</c> connects
    /// clients to them.
    /// </summary>
    /// <param name="services">The services of the host; the servers may have been added, or be added later.</param>
    public static IServiceCollection UseInMemoryWebSocketServers(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton<InMemoryServing>();
        return services;
    }

    /// <summary>
    /// Tells systemd when all services of the host have started, and so all servers listen (<c>READY=1</c>), and when it begins to stop
    /// (<c>STOPPING=1</c>), as units with <c>Type=notify</c> want. Does nothing where there is no systemd to be told.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    public static IServiceCollection AddSystemdNotification(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IHostedService, SystemdNotification>(
                provider => new SystemdNotification(provider.GetService<ILoggerFactory>())
            )
        );
        return services;
    }

    private static ServedHandler Routing(IServiceProvider services, Router router) =>
        new(services.PerConnection((connection, _) => router.Handle(connection)), router);

    /// <summary>Adds a server that listens nowhere: another one gives it connections, each with its handler.</summary>
    internal static WebSocketServerBuilder AddBehind(IServiceCollection services, string name) =>
        Add(services, name, _ => new ServedHandler(static _ => { }), listens: false);

    private static WebSocketServerBuilder Add(
        IServiceCollection services,
        string name,
        Func<IServiceProvider, ServedHandler> serving,
        IHandlerClass? router = null,
        bool listens = true
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        AddHostedServer(services, name);
        services.AddSingleton<IValidateOptions<WebSocketServerOptions>>(
            new OptionsValidation(name)
        );
        services.AddSingleton<IPostConfigureOptions<WebSocketServerOptions>>(
            provider => new HostDefaults(name, provider, listens)
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
            if (router is not null)
                RequireServices(name, [router], services, provider); // it is made next
            var served = serving(provider);
            RequireServices(name, served.Classes, services, provider);
            var options = provider.GetRequiredService<IOptionsMonitor<WebSocketServerOptions>>();
            return new StartingServer(served, options.Get(name));
        }
    }

    private static void RequireServices(
        string name,
        IEnumerable<IHandlerClass> classes,
        IServiceCollection services,
        IServiceProvider provider
    )
    {
        if (provider.GetService<IServiceProviderIsService>() is not { } known)
            return; // a container that can't tell
        var missing = new MissingServices(services, known);
        string[] told = [.. classes.SelectMany(each => missing.Of(each.Type))];
        if (told.Length > 0)
            throw new InvalidOperationException(
                Invariant($"{ServerName.Called(name)} can't start: {string.Join("; ", told)}.")
            );
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
