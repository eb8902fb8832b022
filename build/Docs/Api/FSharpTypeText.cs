using System.Reflection;
using static FunctionalWs.Docs.Api.Markup;

namespace FunctionalWs.Docs.Api;

/// <summary>Types as F# has them, in HTML, with links and with what may be null.</summary>
internal sealed class FSharpTypeText(Links links)
{
    private readonly NullabilityInfoContext nullability = new();

    public static string NameOf(Type type) =>
        type.IsGenericParameter ? $"'{type.Name}" : type.Name.Split('`')[0];

    public string Of(PropertyInfo property) =>
        Text(property.PropertyType, nullability.Create(property));

    public string Of(FieldInfo field) => Text(field.FieldType, nullability.Create(field));

    public string Of(Type type) => Text(type, null);

    /// <summary>With its name, and <c>?</c> where it may be left out.</summary>
    public string Of(ParameterInfo parameter)
    {
        var type = Text(parameter, nullability.Create(parameter));
        return $"{(parameter.IsOptional ? "?" : "")}{parameter.Name}: {(type.EndsWith(Null) ? $"({type})" : type)}";
    }

    public string OfResult(MethodInfo method) =>
        Text(method.ReturnParameter, nullability.Create(method.ReturnParameter));

    /// <summary>Without what may be null: enough to tell overloads apart.</summary>
    public string Bare(ParameterInfo parameter) => Text(parameter, null);

    private const string Null = " | <span class=\"k\">null</span>";

    private string Text(ParameterInfo parameter, NullabilityInfo? info)
    {
        var type = parameter.ParameterType;
        if (!type.IsByRef)
            return Text(type, info);
        var reference =
            parameter.IsIn ? "inref"
            : parameter.IsOut ? "outref"
            : "byref";
        return $"{reference}&lt;{Text(type.GetElementType()!, null)}&gt;";
    }

    private string Text(Type type, NullabilityInfo? info)
    {
        if (type.IsGenericParameter)
            return NameOf(type);
        // None is null in memory, but not for a reader.
        var isNull =
            info is { ReadState: NullabilityState.Nullable }
            && !type.IsValueType
            && type.Name is not ("FSharpOption`1" or "Unit");
        return Named(type, info) + (isNull ? Null : "");
    }

    private string Named(Type type, NullabilityInfo? info)
    {
        if (type.IsArray)
            return Text(type.GetElementType()!, info?.ElementType) + "[]";
        if (Keyword(type) is { } keyword)
            return Word(keyword);
        if (!type.IsGenericType)
            return Link(type);
        var known = info?.GenericTypeArguments ?? [];
        var types = type.GetGenericArguments();
        var arguments = types
            .Select((one, index) => Text(one, known.Length == types.Length ? known[index] : null))
            .ToList();
        var tuple = string.Join(" * ", arguments);
        return NameOf(type) switch
        {
            "FSharpFunc" => $"({arguments[0]} -> {Result(types[1], arguments[1])})",
            "FSharpOption" => $"{arguments[0]} option",
            "FSharpValueOption" => $"{arguments[0]} voption",
            "FSharpList" => $"{arguments[0]} list",
            "IEnumerable" => $"seq&lt;{arguments[0]}&gt;",
            "Tuple" => $"({tuple})",
            "ValueTuple" => $"{Word("struct")} ({tuple})",
            _ => $"{Link(type)}&lt;{string.Join(", ", arguments)}&gt;",
        };
    }

    // The arrows of a function's result go on in the same parentheses.
    private static string Result(Type type, string text) =>
        NameOf(type) == "FSharpFunc" ? text[1..^1] : text;

    private string Link(Type type)
    {
        var name = NameOf(type);
        return links.To(
            DocId.Of(type.IsGenericType ? type.GetGenericTypeDefinition() : type),
            name is "FSharpResult" or "FSharpChoice" or "FSharpMap" ? name["FSharp".Length..] : name
        );
    }

    private static string? Keyword(Type type) =>
        type == typeof(void) || type.Name == "Unit" ? "unit"
        : type == typeof(object) ? "obj"
        : type == typeof(string) ? "string"
        : type.IsEnum ? null
        : Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => "bool",
            TypeCode.Byte => "byte",
            TypeCode.Char => "char",
            TypeCode.Double => "float",
            TypeCode.Int16 => "int16",
            TypeCode.UInt16 => "uint16",
            TypeCode.Int32 => "int",
            TypeCode.UInt32 => "uint32",
            TypeCode.Int64 => "int64",
            TypeCode.UInt64 => "uint64",
            _ => null,
        };
}
