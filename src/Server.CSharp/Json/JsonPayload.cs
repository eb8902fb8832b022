using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace FunctionalWs;

/// <summary>Values to and from the UTF-8 of messages, without a string or an array in between.</summary>
internal static class JsonPayload
{
    /// <summary>Reads a payload.</summary>
    /// <returns>False for one that the client should not have sent.</returns>
    /// <exception cref="Exception">What is wrong with the type: that is no peer's doing.</exception>
    public static bool TryRead<T>(
        ReadOnlySpan<byte> payload,
        JsonTypeInfo<T> type,
        [NotNullWhen(true)] out T? value,
        out JsonMisfit misfit
    )
    {
        ArgumentNullException.ThrowIfNull(type);
        try
        {
            value = JsonSerializer.Deserialize(payload, type);
            misfit = new JsonMisfit(null, IsJson: true);
            return value is not null;
        }
        catch (Exception error)
            when (error is JsonException || (error is NotSupportedException && HasCases(type)))
        {
            value = default;
            misfit = new JsonMisfit(error, IsJson(payload, type.Options));
            return false;
        }
    }

    /// <summary>Writes a value as its type's options say.</summary>
    public static void Write<T>(PooledBuffer destination, T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        var options = type.Options;
        var settings = new JsonWriterOptions
        {
            Encoder = options.Encoder,
            Indented = options.WriteIndented,
            IndentCharacter = options.IndentCharacter,
            IndentSize = options.IndentSize,
            NewLine = options.NewLine,
            SkipValidation = true, // the serializer's calls are in order
        };
        using var writer = new Utf8JsonWriter(destination, settings);
        JsonSerializer.Serialize(writer, value, type);
    }

    /// <summary>However deep it is: a depth that the type doesn't take is a matter of shape.</summary>
    private static bool IsJson(ReadOnlySpan<byte> payload, JsonSerializerOptions options)
    {
        var settings = new JsonReaderOptions
        {
            AllowTrailingCommas = options.AllowTrailingCommas,
            CommentHandling = options.ReadCommentHandling,
            MaxDepth = int.MaxValue,
        };
        var reader = new Utf8JsonReader(payload, settings);
        try
        {
            while (reader.Read()) { }
            return Utf8.IsValid(payload);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>
    /// True when the payload says which type it is of, somewhere: one that doesn't say so is not supported, as .NET has it, just
    /// as a type of the application that can't be read at all.
    /// </summary>
    private static bool HasCases(JsonTypeInfo type) => HasCases(type.Type, type.Options, []);

    private static bool HasCases(Type? type, JsonSerializerOptions options, HashSet<Type> seen)
    {
        if (type is null || !seen.Add(type) || !options.TryGetTypeInfo(type, out var info))
            return false;
        return info.PolymorphismOptions is not null
            || HasCases(info.ElementType, options, seen)
            || info.Properties.Any(property => HasCases(property.PropertyType, options, seen));
    }
}
