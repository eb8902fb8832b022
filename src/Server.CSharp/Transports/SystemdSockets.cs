using System.Globalization;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>The sockets that systemd has opened for this process (socket activation, sd_listen_fds(3)).</summary>
internal static class SystemdSockets
{
    private const int FirstDescriptor = 3;

    // More are surely a mistake: a process has 1,024 descriptors by default.
    private const int MaxCount = 512;

    /// <summary>Takes them over. They are taken once: a second call finds none.</summary>
    /// <exception cref="InvalidOperationException">There are none for this process.</exception>
    public static Socket[] Take()
    {
        var count = Count(
            Environment.ProcessId,
            Environment.GetEnvironmentVariable("LISTEN_PID"),
            Environment.GetEnvironmentVariable("LISTEN_FDS")
        );
        if (count == 0)
            throw new InvalidOperationException(
                "systemd has passed no sockets to this process: LISTEN_PID is not its number, or LISTEN_FDS says none."
            );
        Environment.SetEnvironmentVariable("LISTEN_PID", null);
        Environment.SetEnvironmentVariable("LISTEN_FDS", null);
        return [.. Enumerable.Range(FirstDescriptor, count).Select(Adopt)];
    }

    /// <summary>How many sockets the two variables announce to a process.</summary>
    internal static int Count(int processId, string? listenPid, string? listenFds)
    {
        var isOurs = TryParse(listenPid, out var pid) && pid == processId;
        return isOurs && TryParse(listenFds, out var count) && count <= MaxCount ? count : 0;
    }

    private static bool TryParse(string? text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static Socket Adopt(int descriptor) =>
        new(new SafeSocketHandle(descriptor, ownsHandle: true));
}
