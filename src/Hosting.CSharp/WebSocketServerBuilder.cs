using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace FunctionalWs.Hosting;

/// <summary>
/// Says how a server of a host is set up. What comes later overrules what came before. It is looked at once, when the host
/// starts: a value that is wrong is an <see cref="OptionsValidationException"/> there, which names it and what is allowed.
/// </summary>
public sealed class WebSocketServerBuilder
{
    private readonly OptionsBuilder<WebSocketServerOptions> options;

    internal WebSocketServerBuilder(OptionsBuilder<WebSocketServerOptions> options) =>
        this.options = options;

    /// <summary>The services that the server is one of.</summary>
    public IServiceCollection Services => options.Services;

    /// <summary>The name of the server, and of its <see cref="WebSocketServerOptions"/>; empty for none.</summary>
    public string Name => options.Name;

    /// <summary>
    /// Takes the settings from a section of the host's configuration. Its keys are the names of
    /// <see cref="WebSocketServerOptions"/>' properties that are plain values; any other key is an error. A list in a later source replaces that of an earlier one. Nothing is read again while the server runs.
    /// </summary>
    /// <param name="section">The path of the section, such as <c>WebSocket</c>.</param>
    public WebSocketServerBuilder Bind(string section)
    {
        ArgumentNullException.ThrowIfNull(section);
        options.Configure<IConfiguration>(
            (settings, configuration) =>
                SettingsReader.Read(
                    settings,
                    configuration.GetSection(section),
                    configuration as IConfigurationRoot
                )
        );
        return this;
    }

    /// <summary>
    /// Takes the settings from a configuration, as with a section of the host's. In a section of another configuration the items
    /// of lists are mixed by their numbers when several sources have some.
    /// </summary>
    /// <param name="section">The section whose keys are the settings.</param>
    public WebSocketServerBuilder Bind(IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        options.Configure<IServiceProvider>(
            (settings, services) =>
                SettingsReader.Read(settings, section, SourcesOf(section, services))
        );
        return this;
    }

    /// <summary>A section doesn't say where it comes from: the host's configuration, if that has the same there.</summary>
    private static IConfigurationRoot? SourcesOf(IConfiguration section, IServiceProvider services)
    {
        if (section is IConfigurationRoot all)
            return all;
        return
            section is IConfigurationSection { Path: var path }
            && services.GetService<IConfiguration>() is IConfigurationRoot root
            && root.GetSection(path).AsEnumerable().SequenceEqual(section.AsEnumerable())
            ? root
            : null;
    }

    /// <summary>Sets anything: where the server listens, limits, hooks, TLS.</summary>
    /// <param name="configure">Changes the settings.</param>
    public WebSocketServerBuilder Configure(Action<WebSocketServerOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        options.Configure(configure);
        return this;
    }

    /// <summary>Sets anything, with services, which hooks may keep.</summary>
    /// <param name="configure">Changes the settings. The services are the host's, not those of a scope.</param>
    public WebSocketServerBuilder Configure(
        Action<WebSocketServerOptions, IServiceProvider> configure
    )
    {
        ArgumentNullException.ThrowIfNull(configure);
        options.Configure<IServiceProvider>(configure);
        return this;
    }
}
