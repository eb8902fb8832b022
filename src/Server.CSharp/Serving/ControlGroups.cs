namespace FunctionalWs;

/// <summary>
/// What the control groups of this process (cgroups(7)) leave it of tasks, which threads are. A service of systemd and a container each
/// have a group, which may have a limit of its own, and so may each group that it lies in.
/// </summary>
internal static class ControlGroups
{
    /// <summary>
    /// How many more tasks there may be, and the file with the limit that leaves the fewest; null where there is no limit.
    /// Version 2 has one tree for everything, version 1 one for each controller; a machine may have both.
    /// </summary>
    /// <param name="files">Where the files of the system are.</param>
    public static (long Value, string Name)? FreeTasks(SystemFiles files)
    {
        var mounts = files
            .Lines("/proc/self/mountinfo")
            .Select(Mount.Parse)
            .OfType<Mount>()
            .ToArray();
        return files
            .Lines("/proc/self/cgroup")
            .SelectMany(line => Folders(line, mounts))
            .Select(folder => FreeTasksIn(folder, files))
            .OfType<(long Value, string Name)>()
            .OrderBy(limit => limit.Value)
            .Cast<(long, string)?>()
            .FirstOrDefault();
    }

    // Nobody else's tasks may be counted as ours to take: those that a group has already are taken off.
    private static (long Value, string Name)? FreeTasksIn(string folder, SystemFiles files)
    {
        var file = folder + "/pids.max";
        return files.Number(file) is { } limit
            ? (limit - (files.Number(folder + "/pids.current") ?? 0), file)
            : null;
    }

    // "0::/system.slice/chat.service" of version 2, "8:pids:/chat" of version 1: the group's folder and those that it lies in.
    private static IEnumerable<string> Folders(string line, Mount[] mounts)
    {
        if (line.Split(':', 3) is not [var number, var controllers, var path])
            return [];
        var isVersion2 = number == "0" && controllers == "";
        if (!isVersion2 && !controllers.Split(',').Contains("pids"))
            return [];
        return mounts
            .Where(mount => isVersion2 ? mount.IsVersion2 : mount.HasPids)
            .SelectMany(mount => mount.Folders(path));
    }

    /// <summary>A tree of groups as this process sees it: the folder where it is, and which group that folder stands for.</summary>
    private sealed record Mount(string Folder, string Group, bool IsVersion2, bool HasPids)
    {
        // "36 35 0:30 /group /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate": optional fields end with the hyphen (proc(5)).
        public static Mount? Parse(string line)
        {
            var fields = line.Split(' ');
            var end = Array.IndexOf(fields, "-");
            if (end < 5 || fields.Length < end + 4)
                return null;
            var kind = fields[end + 1];
            var hasPids = kind == "cgroup" && fields[end + 3].Split(',').Contains("pids");
            return new Mount(Unescape(fields[4]), Unescape(fields[3]), kind == "cgroup2", hasPids);
        }

        /// <summary>
        /// The folders of a group and of those around it. Of one that lies outside of what is mounted, as in a container that was put into
        /// another group from outside, the mounted one alone is to be seen.
        /// </summary>
        public IEnumerable<string> Folders(string path)
        {
            for (var rest = Below(path); rest != ""; rest = rest[..rest.LastIndexOf('/')])
                yield return Folder + rest;
            yield return Folder;
        }

        private string Below(string path)
        {
            var root = Group.TrimEnd('/');
            var isBelow =
                path.StartsWith(root + "/", StringComparison.Ordinal)
                && !path.Split('/').Contains("..");
            return isBelow ? path[root.Length..].TrimEnd('/') : "";
        }

        // Blanks, tabs, line feeds and backslashes are written as "\040" and the like.
        private static string Unescape(string field) =>
            field
                .Replace("\\040", " ", StringComparison.Ordinal)
                .Replace("\\011", "\t", StringComparison.Ordinal)
                .Replace("\\012", "\n", StringComparison.Ordinal)
                .Replace("\\134", "\\", StringComparison.Ordinal);
    }
}
