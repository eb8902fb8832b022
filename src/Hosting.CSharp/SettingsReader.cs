using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>
/// Reads a section of a configuration, key by key. Nothing is guessed and nothing passed over: a misspelt limit is no limit,
/// and should not look like one.
/// </summary>
internal static class SettingsReader
{
    /// <summary>The options with all that the section says; what can't be read goes to the list.</summary>
    public static T Read<T>(
        T options,
        IConfiguration section,
        IReadOnlyDictionary<string, Func<T, IConfigurationSection, T>> settings,
        ICollection<string> misread
    )
    {
        foreach (var entry in section.GetChildren())
        {
            if (!settings.TryGetValue(entry.Key, out var set))
            {
                misread.Add($"{entry.Path} is no setting of a server.");
                continue;
            }
            try
            {
                options = set(options, entry);
            }
            catch (Exception error) when (error is FormatException or ArgumentException)
            {
                misread.Add($"{entry.Path}: {error.Message}");
            }
        }
        return options;
    }

    /// <summary>The same for settings that are parts of one.</summary>
    /// <exception cref="FormatException">Something can't be read.</exception>
    public static T Read<T>(
        T options,
        IConfiguration section,
        IReadOnlyDictionary<string, Func<T, IConfigurationSection, T>> settings
    )
    {
        var misread = new List<string>();
        var read = Read(options, section, settings, misread);
        return misread.Count == 0 ? read : throw new FormatException(string.Join(" ", misread));
    }
}
