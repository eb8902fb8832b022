namespace FunctionalWs.Hosting;

/// <summary>What a configuration has said of a server's settings, for those who are told what is wrong with them.</summary>
internal sealed class SettingSources
{
    private readonly Dictionary<string, (string Path, object? Value)> read = new(
        StringComparer.Ordinal
    );

    /// <summary>What can't be read.</summary>
    public List<string> Misread { get; } = [];

    /// <summary>Paths of sections that are to be read and have nothing.</summary>
    public List<string> Empty { get; } = [];

    /// <summary>A setting has its value from there.</summary>
    public void Add(string setting, string path, object? value) => read[setting] = (path, value);

    /// <summary>The key of a setting in a configuration; its name where it is set in code.</summary>
    public string KeyOf(string setting) =>
        read.TryGetValue(setting, out var found) ? found.Path : setting;

    /// <summary>A setting and its value as people look for them: by the key that it has in a configuration, else as set in code.</summary>
    public string Describe(string setting, object? value) =>
        read.TryGetValue(setting, out var found) && Equals(found.Value, value)
            ? Invariant($"{found.Path} = {value}")
            : Invariant($"{setting} = {value}, set in code");
}
