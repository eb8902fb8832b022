using System.IO.Compression;
using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>How each setting of the compression that is a plain value is read.</summary>
internal static class CompressionSettings
{
    public static readonly Dictionary<
        string,
        Func<PerMessageDeflate, IConfigurationSection, PerMessageDeflate>
    > All = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(PerMessageDeflate.ServerNoContextTakeover)] = (options, entry) =>
            options with
            {
                ServerNoContextTakeover = entry.Flag(),
            },
        [nameof(PerMessageDeflate.ClientNoContextTakeover)] = (options, entry) =>
            options with
            {
                ClientNoContextTakeover = entry.Flag(),
            },
        [nameof(PerMessageDeflate.ServerMaxWindowBits)] = (options, entry) =>
            options with
            {
                ServerMaxWindowBits = entry.OptionalNumber(),
            },
        [nameof(PerMessageDeflate.ClientMaxWindowBits)] = (options, entry) =>
            options with
            {
                ClientMaxWindowBits = entry.OptionalNumber(),
            },
        [nameof(PerMessageDeflate.RequireClientMaxWindowBits)] = (options, entry) =>
            options with
            {
                RequireClientMaxWindowBits = entry.Flag(),
            },
        [nameof(PerMessageDeflate.Level)] = (options, entry) =>
            options with
            {
                Level = entry.Number(),
            },
        [nameof(PerMessageDeflate.MemoryLevel)] = (options, entry) =>
            options with
            {
                MemoryLevel = entry.Number(),
            },
        [nameof(PerMessageDeflate.Strategy)] = (options, entry) =>
            options with
            {
                Strategy = entry.Choice<ZLibCompressionStrategy>(),
            },
        [nameof(PerMessageDeflate.MinSize)] = (options, entry) =>
            options with
            {
                MinSize = entry.Number(),
            },
        [nameof(PerMessageDeflate.MaxInflateRatio)] = (options, entry) =>
            options with
            {
                MaxInflateRatio = entry.OptionalNumber(),
            },
        [nameof(PerMessageDeflate.QuietTime)] = (options, entry) =>
            options with
            {
                QuietTime = entry.OptionalTime(),
            },
    };

    /// <summary>Null turns it off, whatever was set before.</summary>
    public static PerMessageDeflate? Read(PerMessageDeflate? before, IConfigurationSection entry) =>
        entry.IsNull() ? null : SettingsReader.Read(before ?? new PerMessageDeflate(), entry, All);
}
