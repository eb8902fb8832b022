namespace FunctionalWs;

/// <summary>
/// How many connections this process can have, with a thread each or without. A .NET process that runs out of memory mappings for
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
    /// <param name="haveThreads">True when each has a thread.</param>
    public static (int Connections, string Limit)? MaxConnections(bool haveThreads) =>
        haveThreads
            ? MaxConnections(new SystemFiles())
            : Smallest([(FreeDescriptors(new SystemFiles()), "limit on open files")]);

    internal static (int Connections, string Limit)? MaxConnections(SystemFiles files)
    {
        var group = ControlGroups.FreeTasks(files);
        (long? Value, string Name)[] limits =
        [
            (files.Number("/proc/sys/vm/max_map_count") / MappingsPerThread, "vm.max_map_count"),
            (files.Number("/proc/sys/kernel/threads-max"), "kernel.threads-max"),
            (files.Number("/proc/sys/kernel/pid_max"), "kernel.pid_max"), // a thread has a number as a process has
            (group?.Value, group?.Name ?? "pids.max"),
            (ProcessLimit(files, "Max processes"), "limit on processes"),
            (FreeDescriptors(files), "limit on open files"),
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

    private static long? FreeDescriptors(SystemFiles files) =>
        ProcessLimit(files, "Max open files") - files.Count("/proc/self/fd") - SpareDescriptors;

    // "Max open files            1024                 4096                 files": the first number is in force.
    private static long? ProcessLimit(SystemFiles files, string name) =>
        files
            .Lines("/proc/self/limits")
            .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))
            is { } line
            ? SystemFiles.Parse(line[name.Length..].TrimStart().Split(' ')[0])
            : null;
}
