using System.Globalization;

namespace FunctionalWs;

/// <summary>
/// What Linux tells in files. What isn't there, or may not be read, tells nothing: other systems have none of it, and a container may
/// hide some.
/// </summary>
/// <param name="root">Put in front of each path: a folder of its own for tests.</param>
internal sealed class SystemFiles(string root = "")
{
    public string[] Lines(string path)
    {
        try
        {
            return File.Exists(root + path) ? File.ReadAllLines(root + path) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The number in the first line; null where there is none, as for "max".</summary>
    public long? Number(string path) => Lines(path) is [var line, ..] ? Parse(line) : null;

    /// <summary>How many files and folders there are in a folder.</summary>
    public int Count(string folder) =>
        Directory.Exists(root + folder) ? Directory.GetFileSystemEntries(root + folder).Length : 0;

    public static long? Parse(string text) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
