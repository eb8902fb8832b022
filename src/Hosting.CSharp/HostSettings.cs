using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>How each setting of a server of a host is read; those of the server itself are among them.</summary>
internal static class HostSettings
{
    public static readonly Dictionary<
        string,
        Func<WebSocketServerOptions, IConfigurationSection, WebSocketServerOptions>
    > All = MakeAll();

    public static void Read(WebSocketServerOptions options, IConfiguration section) =>
        SettingsReader.Read(options, section, All, options.Misread);

    private static Dictionary<
        string,
        Func<WebSocketServerOptions, IConfigurationSection, WebSocketServerOptions>
    > MakeAll()
    {
        var all = new Dictionary<
            string,
            Func<WebSocketServerOptions, IConfigurationSection, WebSocketServerOptions>
        >(StringComparer.OrdinalIgnoreCase);
        Add(
            nameof(WebSocketServerOptions.Address),
            (options, entry) => options.Address = entry.Text()
        );
        Add(
            nameof(WebSocketServerOptions.Port),
            (options, entry) => options.Port = entry.OptionalNumber()
        );
        Add(
            nameof(WebSocketServerOptions.UnixSocketPath),
            (options, entry) => options.UnixSocketPath = entry.Text()
        );
        Add(
            nameof(WebSocketServerOptions.SystemdSockets),
            (options, entry) => options.SystemdSockets = entry.Flag()
        );
        Add(
            nameof(WebSocketServerOptions.ShutdownTimeout),
            (options, entry) => options.ShutdownTimeout = entry.OptionalTime()
        );
        foreach (var (name, set) in ServerSettings.All)
            Add(
                name,
                (options, entry) => options.ServerOptions = set(options.ServerOptions, entry)
            );
        return all;

        void Add(string name, Action<WebSocketServerOptions, IConfigurationSection> set) =>
            all.Add(
                name,
                (options, entry) =>
                {
                    set(options, entry);
                    return options;
                }
            );
    }
}
