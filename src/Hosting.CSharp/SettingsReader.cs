using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>
/// Reads a section of a configuration into options: each property whose type <see cref="SettingValue"/> knows is a setting, by its
/// name. Nothing is guessed and nothing passed over: a misspelt limit is no limit, and should not look like one.
/// </summary>
/// <param name="sources">Where the configuration comes from; null where that can't be told.</param>
/// <param name="found">Takes what was found, and what can't be read.</param>
internal sealed class SettingsReader(IConfigurationRoot? sources, SettingSources found)
{
    public static void Read(
        WebSocketServerOptions options,
        IConfiguration section,
        IConfigurationRoot? sources
    )
    {
        var reader = new SettingsReader(sources, options.Sources);
        if (section is IConfigurationSection { Path: var path } && !section.GetChildren().Any())
            options.Sources.Empty.Add(path);
        foreach (var entry in section.GetChildren())
        {
            if (!reader.TrySet(options, entry))
                reader.NoSetting(entry);
        }
    }

    /// <summary>The names of what can be set.</summary>
    public static IEnumerable<string> NamesOf<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T
    >() => Settings(typeof(T)).Select(property => property.Name);

    /// <summary>Sets one property, unless there is no such setting.</summary>
    private bool TrySet<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T
    >(T options, IConfigurationSection entry)
        where T : class
    {
        var property = Settings(typeof(T))
            .FirstOrDefault(setting =>
                setting.Name.Equals(entry.Key, StringComparison.OrdinalIgnoreCase)
            );
        if (property is null)
            return false;
        try
        {
            var value = Value(property, property.GetValue(options), entry);
            property.SetValue(options, value);
            found.Add(property.Name, entry.Path, value);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            found.Misread.Add(Invariant($"{entry.Path}: {error.Message}"));
        }
        return true;
    }

    private object? Value(PropertyInfo property, object? before, IConfigurationSection entry) =>
        property.PropertyType == typeof(PerMessageDeflate)
            ? Group(((PerMessageDeflate?)before ?? new()) with { }, entry)
        : property.PropertyType == typeof(FlightRecorderOptions)
            ? Group(((FlightRecorderOptions?)before ?? new()) with { }, entry)
        : property.PropertyType == typeof(CertificateFiles)
            ? Group(((CertificateFiles?)before ?? new()) with { }, entry)
        : new SettingValue(property, entry, sources).Read();

    /// <summary>Settings that are parts of one. Null turns it off, whatever was set before.</summary>
    private T? Group<
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T
    >(T options, IConfigurationSection entry)
        where T : class
    {
        if (IsTurnedOff(entry))
            return null;
        if (entry.Value is { } text)
            throw new FormatException(
                Invariant(
                    $"'{text}' is no group of settings: it takes some of {string.Join(", ", NamesOf<T>())}, or null for none."
                )
            );
        foreach (var part in entry.GetChildren())
        {
            if (!TrySet(options, part))
                NoSetting(part);
        }
        return options;
    }

    /// <summary>True when the last source that says anything of a group says null: the parts of earlier ones are still there.</summary>
    private bool IsTurnedOff(IConfigurationSection entry)
    {
        foreach (var source in sources?.Providers.Reverse() ?? [])
        {
            if (source.GetChildKeys([], entry.Path).Any())
                return false;
            if (source.TryGet(entry.Path, out var text))
                return text is null or "null";
        }
        return SettingValue.IsNull(entry);
    }

    private void NoSetting(IConfigurationSection entry) =>
        found.Misread.Add(Invariant($"{entry.Path} is no setting of a server."));

    private static IEnumerable<PropertyInfo> Settings(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] Type type
    ) =>
        type.GetProperties()
            .Where(property =>
                property.CanWrite
                && (
                    SettingValue.IsKnown(property.PropertyType)
                    || property.PropertyType == typeof(PerMessageDeflate)
                    || property.PropertyType == typeof(FlightRecorderOptions)
                    || property.PropertyType == typeof(CertificateFiles)
                )
            );
}
