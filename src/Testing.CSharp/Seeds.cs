using System.Globalization;

namespace FunctionalWs.Testing;

/// <summary>What is made of a seed, and which seeds are to be run.</summary>
internal static class Seeds
{
    /// <summary>Takes the place of the seeds that a test names.</summary>
    public const string Variable = "FUNCTIONALWS_SEEDS";

    /// <summary>Random numbers of a seed, others for each purpose.</summary>
    public static Random Stream(int seed, int purpose) =>
        new(unchecked((seed * (int)2654435761) ^ (purpose * 40503)));

    /// <summary>The seeds to run: those of the environment if it names some.</summary>
    /// <exception cref="FormatException">The environment's are neither a number nor a range.</exception>
    public static (int First, int Last) Choose(int first, int count) =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text
            ? Parse(text)
            : (first, first + count - 1);

    /// <summary>Reads a seed, such as 17, or a range, such as 1-100000.</summary>
    /// <exception cref="FormatException">The text is neither.</exception>
    public static (int First, int Last) Parse(string text)
    {
        var ends = text.Split('-');
        return
            ends.Length <= 2
            && TryParse(ends[0], out var first)
            && TryParse(ends[^1], out var last)
            && last >= first
            ? (first, last)
            : throw new FormatException(
                Invariant(
                    $"{Variable} is a seed, such as 17, or a range, such as 1-100000; not '{text}'."
                )
            );
    }

    /// <summary>Reads a number of 0 or more.</summary>
    public static bool TryParse(string text, out int seed) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seed)
        && seed < int.MaxValue;
}
