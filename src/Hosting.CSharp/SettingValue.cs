using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>
/// The values of a configuration, which are text. Null there, and the empty text as environment variables have it, are null
/// where a setting can be null.
/// </summary>
internal static class SettingValue
{
    public static bool IsNull(this IConfigurationSection entry) =>
        string.IsNullOrEmpty(entry.Value) && !entry.GetChildren().Any();

    /// <summary>Null and nothing else: an empty list is none of it.</summary>
    public static bool IsMissing(this IConfigurationSection entry) =>
        entry.Value is null && !entry.GetChildren().Any();

    public static string? Text(this IConfigurationSection entry) =>
        entry.IsNull() ? null : entry.Scalar();

    public static int Number(this IConfigurationSection entry) =>
        int.TryParse(
            entry.Scalar(),
            NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : throw new FormatException(
                $"'{entry.Value}' is no whole number of at most {int.MaxValue}."
            );

    public static int? OptionalNumber(this IConfigurationSection entry) =>
        entry.IsNull() ? null : entry.Number();

    public static bool Flag(this IConfigurationSection entry) =>
        bool.TryParse(entry.Scalar(), out var flag)
            ? flag
            : throw new FormatException($"'{entry.Value}' is neither true nor false.");

    /// <summary>A bare number would be days, which nobody means: it takes a colon.</summary>
    public static TimeSpan Time(this IConfigurationSection entry) =>
        entry.Scalar().Contains(':')
        && TimeSpan.TryParse(entry.Value, CultureInfo.InvariantCulture, out var time)
            ? time
            : throw new FormatException($"'{entry.Value}' is no time such as 00:00:30.");

    public static TimeSpan? OptionalTime(this IConfigurationSection entry) =>
        entry.IsNull() ? null : entry.Time();

    /// <summary>One of an enumeration's names, or several with commas where its values are flags.</summary>
    public static T Choice<T>(this IConfigurationSection entry)
        where T : struct, Enum
    {
        var text = entry.Scalar();
        var isName = text.Length > 0 && !char.IsAsciiDigit(text[0]) && text[0] is not ('-' or '+');
        return isName && Enum.TryParse<T>(text, ignoreCase: true, out var choice)
            ? choice
            : throw new FormatException(
                $"'{text}' is none of {string.Join(", ", Enum.GetNames<T>())}."
            );
    }

    public static T? OptionalChoice<T>(this IConfigurationSection entry)
        where T : struct, Enum => entry.IsNull() ? null : entry.Choice<T>();

    /// <summary>A list; one text stands for a list of it.</summary>
    public static IReadOnlyList<T> List<T>(
        this IConfigurationSection entry,
        Func<string, T> read
    ) =>
        entry.IsNull() ? []
        : entry.Value is { Length: > 0 } single ? [read(single)]
        : [.. entry.GetChildren().Select(item => read(item.Scalar()))];

    private static string Scalar(this IConfigurationSection entry) =>
        entry.Value
        ?? throw new FormatException(
            entry.GetChildren().Any() ? "It is one value, not several." : "It can't be null."
        );
}
