using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace FunctionalWs.Hosting;

/// <summary>Gives a server the host's services where its settings name none. Comes last.</summary>
/// <param name="name">The server's.</param>
/// <param name="services">The host's.</param>
/// <param name="listens">False for a server that is given connections by another one.</param>
internal sealed class HostDefaults(string name, IServiceProvider services, bool listens)
    : IPostConfigureOptions<WebSocketServerOptions>
{
    public void PostConfigure(string? optionsName, WebSocketServerOptions options)
    {
        if (optionsName != name || options.ServerOptions is not { } settings)
            return;
        if (settings.LoggerFactory == ConsoleLog.Warnings)
            settings = settings with
            {
                LoggerFactory = services.GetService<ILoggerFactory>() ?? settings.LoggerFactory,
            };
        if (settings.TimeProvider == TimeProvider.System)
            settings = settings with
            {
                TimeProvider = services.GetService<TimeProvider>() ?? settings.TimeProvider,
            };
        settings = settings with
        {
            MeterFactory = settings.MeterFactory ?? services.GetService<IMeterFactory>(),
        };
        options.ServerOptions = settings;
        options.IsInMemory = !listens || services.GetService<InMemoryServing>() is not null;
        if (options.IsInMemory)
            options.Ssl = null; // streams in memory have no TLS, or it is another server's
        else
            CertificateSetup.Load(options);
    }
}
