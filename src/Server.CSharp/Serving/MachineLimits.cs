using System.Globalization;

namespace FunctionalWs;

/// <summary>
/// How many connections, each with a thread, this process can have. A .NET process that runs out of memory mappings for
/// its threads is aborted, and nothing can catch that; so the server stays well below.
/// </summary>
internal static class MachineLimits
{
    // A thread takes four: its stack, its guard pages and what the runtime maps beside them.
    private const int MappingsPerThread = 4;
    private const double UsableShare = 0.8;

    // The runtime holds two descriptors for each assembly; a process that can't load one more is aborted as well.
    private const int SpareDescriptors = 64;

    /// <summary>The most connections, and the limit that decides; null where the system tells nothing.</summary>
    public static (int Connections, string Limit)? MaxConnections()
    {
        (long? Value, string Name)[] limits =
        [
            (ReadNumber("/proc/sys/vm/max_map_count") / MappingsPerThread, "vm.max_map_count"),
            (ReadNumber("/proc/sys/kernel/threads-max"), "kernel.threads-max"),
            (ReadNumber("/sys/fs/cgroup/pids.max"), "pids.max"),
            (ReadProcessLimit("Max processes"), "limit on processes"),
            (FreeDescriptors(), "limit on open files"),
        ];
        return Smallest(limits);
    }

    internal static (int Connections, string Limit)? Smallest((long? Value, string Name)[] limits)
    {
        var known = limits.Where(limit => limit.Value is not null).ToArray();
        if (known.Length == 0)
            return null;
        var (value, name) = known.MinBy(limit => limit.Value);
        return ((int)Math.Clamp(value!.Value * UsableShare, 1, int.MaxValue), name);
    }

    private static long? FreeDescriptors() =>
        ReadProcessLimit("Max open files") - CountDescriptors() - SpareDescriptors;

    private static int CountDescriptors()
    {
        const string Folder = "/proc/self/fd";
        return Directory.Exists(Folder) ? Directory.GetFileSystemEntries(Folder).Length : 0;
    }

    private static long? ReadNumber(string path) =>
        ReadLines(path) is [var line, ..] ? ParseNumber(line) : null;

    // "Max open files            1024                 4096                 files": the first number is in force.
    private static long? ReadProcessLimit(string name) =>
        ReadLines("/proc/self/limits")
            .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))
            is { } line
            ? ParseNumber(line[name.Length..].TrimStart().Split(' ')[0])
            : null;

    private static long? ParseNumber(string text) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
