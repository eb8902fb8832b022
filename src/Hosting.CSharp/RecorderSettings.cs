using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>How each setting of the flight recorder is read.</summary>
internal static class RecorderSettings
{
    public static readonly Dictionary<
        string,
        Func<FlightRecorderOptions, IConfigurationSection, FlightRecorderOptions>
    > All = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(FlightRecorderOptions.MaxSteps)] = (options, entry) =>
            options with
            {
                MaxSteps = entry.Number(),
            },
        [nameof(FlightRecorderOptions.MaxPayloadBytes)] = (options, entry) =>
            options with
            {
                MaxPayloadBytes = entry.Number(),
            },
    };

    /// <summary>Null turns it off, whatever was set before.</summary>
    public static FlightRecorderOptions? Read(
        FlightRecorderOptions? before,
        IConfigurationSection entry
    ) =>
        entry.IsNull()
            ? null
            : SettingsReader.Read(before ?? new FlightRecorderOptions(), entry, All);
}
