using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Numerics;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace FunctionalWs.Hosting;

/// <summary>One value of a configuration, which is text, read as what a setting takes.</summary>
/// <param name="setting">The property that it is for.</param>
/// <param name="entry">The value, or the items of a list.</param>
/// <param name="sources">Where it comes from; null where that can't be told.</param>
internal sealed class SettingValue(
    PropertyInfo setting,
    IConfigurationSection entry,
    IConfigurationRoot? sources
)
{
    private static readonly Dictionary<Type, Func<string, object>> Scalars = new()
    {
        [typeof(string)] = text => text,
        [typeof(int)] = Number<int>,
        [typeof(long)] = Number<long>,
        [typeof(bool)] = Flag,
        [typeof(TimeSpan)] = Time,
        [typeof(UnixFileMode)] = Mode,
        [typeof(ForwardedHeaders)] = Choice<ForwardedHeaders>,
        [typeof(SlowPeerPolicy)] = Choice<SlowPeerPolicy>,
        [typeof(ZLibCompressionStrategy)] = Choice<ZLibCompressionStrategy>,
    };

    private static readonly Dictionary<Type, Func<SettingValue, object?>> Lists = new()
    {
        [typeof(IReadOnlyList<string>)] = value => value.List(name => name),
        [typeof(IReadOnlyList<IPNetwork>)] = value => value.List(ToNetwork),
        // None at all is everybody; an empty list, nobody.
        [typeof(IReadOnlyList<Origin>)] = value => value.IsNothing ? null : value.List(ToOrigin),
    };

    private bool IsNothing => Said() is ({ Count: 0 }, null or "null");

    /// <summary>True for null, which a list without items is not.</summary>
    public static bool IsNull(IConfigurationSection entry) =>
        entry.Value is null or "null" && !entry.GetChildren().Any();

    /// <summary>True when a property of this type is a plain value, and so a setting.</summary>
    public static bool IsKnown(Type type) =>
        Scalars.ContainsKey(Nullable.GetUnderlyingType(type) ?? type) || Lists.ContainsKey(type);

    /// <exception cref="FormatException">It can't be read: what is wrong, and what is allowed.</exception>
    public object? Read()
    {
        var type = setting.PropertyType;
        if (Lists.TryGetValue(type, out var list))
            return list(this);
        var inner = Nullable.GetUnderlyingType(type);
        var canBeNull = inner is not null || type == typeof(string);
        if (canBeNull && IsNull(entry))
            return null;
        // Where it means all of the machine's addresses, it is documented.
        var canBeEmpty = setting.Name == nameof(WebSocketServerOptions.Address);
        var text = Scalar(entry);
        if (text.Length == 0 && !canBeEmpty)
            throw new FormatException(
                canBeNull
                    ? "'' is no value: it takes one, or null for none."
                    : "'' is no value: it takes one."
            );
        return Scalars[inner ?? type](text);
    }

    private static string Scalar(IConfigurationSection entry) =>
        entry.Value
        ?? throw new FormatException(
            entry.GetChildren().Any() ? "It is one value, not several." : "It can't be null."
        );

    private static object Number<T>(string text)
        where T : struct, INumber<T>, IMinMaxValue<T> =>
        T.TryParse(
            text,
            NumberStyles.AllowLeadingSign,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : throw new FormatException(
                Invariant($"'{text}' is no whole number of at most {T.MaxValue}.")
            );

    private static object Flag(string text) =>
        bool.TryParse(text, out var flag)
            ? flag
            : throw new FormatException(Invariant($"'{text}' is neither true nor false."));

    /// <summary>A bare number would be days, which nobody means: it takes a colon.</summary>
    private static object Time(string text) =>
        text.Contains(':') && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var time)
            ? time
            : throw new FormatException(Invariant($"'{text}' is no time such as 00:00:30."));

    /// <summary>One of an enumeration's names, or several with commas where its values are flags.</summary>
    private static object Choice<T>(string text)
        where T : struct, Enum
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries);
        var isFlags = typeof(T).IsDefined(typeof(FlagsAttribute), inherit: false);
        var areNames = names.All(name =>
            Enum.GetNames<T>().Contains(name, StringComparer.OrdinalIgnoreCase)
        );
        return areNames && (isFlags || names.Length == 1)
            ? Enum.Parse<T>(text, ignoreCase: true)
            : throw new FormatException(
                Invariant($"'{text}' is none of {string.Join(", ", Enum.GetNames<T>())}.")
            );
    }

    /// <summary>Permissions, in octal digits as everywhere on Unix, or by .NET's names.</summary>
    private static object Mode(string text)
    {
        if (!char.IsAsciiDigit(text.TrimStart('-', '+').FirstOrDefault()))
            return Choice<UnixFileMode>(text);
        var digits = text.TrimStart('0');
        return digits.Length <= 4 && digits.All(digit => digit is >= '0' and <= '7')
            ? (UnixFileMode)digits.Aggregate(0, (mode, digit) => mode * 8 + (digit - '0'))
            : throw new FormatException(
                Invariant(
                    $"'{text}' is no mode: it is from 0000 to 7777 in octal digits, such as 0660."
                )
            );
    }

    /// <summary>An exact origin, or <c>none</c> for requests without one. Patterns are a matter of code.</summary>
    private static Origin ToOrigin(string text) =>
        text == "none" ? Origin.None : Origin.Exact(text);

    private static IPNetwork ToNetwork(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address)
            ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : throw new FormatException(
            Invariant($"'{text}' is neither an address nor a network such as 10.0.0.0/8.")
        );

    /// <summary>A list; one text stands for a list of it, the empty one for a list without items.</summary>
    private List<T> List<T>(Func<string, T> read)
    {
        var (items, text) = Said();
        if (items.Count == 0)
            return text is null or "" or "null" ? [] : [read(text)];
        return [.. items.Select(Item)];

        T Item(IConfigurationSection item)
        {
            try
            {
                return read(Scalar(item));
            }
            catch (Exception error) when (error is FormatException or ArgumentException)
            {
                throw new FormatException(
                    Invariant($"item {item.Key}, '{item.Value}': {error.Message}")
                );
            }
        }
    }

    /// <summary>
    /// What the last source says that says anything of this list: its items, or one text. A configuration mixes the items of all
    /// its sources by their numbers: a short list in a later file would let those in who are left of a longer one in an earlier file.
    /// </summary>
    private (List<IConfigurationSection> Items, string? Text) Said()
    {
        var items = entry.GetChildren().ToList();
        foreach (var source in sources?.Providers.Reverse() ?? [])
        {
            var keys = source
                .GetChildKeys([], entry.Path)
                .ToHashSet(StringComparer.OrdinalIgnoreCase);
            if (keys.Count > 0)
                return (items.FindAll(item => keys.Contains(item.Key)), null);
            if (source.TryGet(entry.Path, out var text))
                return ([], text);
        }
        return (items, entry.Value);
    }
}
