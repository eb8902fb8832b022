using System.Globalization;
using System.Net;
using System.Reflection;
using System.Runtime.CompilerServices;
using static FunctionalWs.Docs.Api.Markup;

namespace FunctionalWs.Docs.Api;

/// <summary>Declarations as C# has them, in HTML, with links to the types.</summary>
internal sealed class CSharpSignature(Links links) : ISignature
{
    private readonly NullabilityInfoContext nullability = new();

    public string Language => "csharp";

    public string Of(Type type)
    {
        if (Library.IsDelegate(type))
        {
            var invoke = type.GetMethod("Invoke")!;
            return $"{Word("public delegate")} {ReturnType(invoke)} {Name(type)}({Parameters(invoke)})";
        }

        var bases = Bases.Of(type).Select(one => Type(one, null)).ToList();
        var head =
            $"{Word(Modifiers(type))} {Name(type)}{(bases is [] ? "" : " : " + string.Join(", ", bases))}";
        return FSharpShape.IsRecord(type)
            ? string.Join('\n', type.GetConstructors().Select(Of).Prepend(head))
            : head;
    }

    public string Of(MemberInfo member) =>
        member switch
        {
            _ when FSharpShape.IsPattern(member) => Remark("only in F#: a pattern for match"),
            _ when FSharpShape.CaseOf(member) is { } name => Case(member, name),
            _ => Declaration(member),
        };

    private string Declaration(MemberInfo member) =>
        member switch
        {
            ConstructorInfo constructor =>
                $"{Word("public")} {Name(member.DeclaringType!)}({Parameters(constructor)})",
            MethodInfo method => Of(method),
            PropertyInfo property => Of(property),
            FieldInfo field => Of(field),
            EventInfo e => $"{Word("public event")} {Type(e.EventHandlerType!, null)} {e.Name}",
            _ => throw new ArgumentException($"{member} has no signature."),
        };

    /// <summary>The name and, for methods, the types of the parameters: what tells overloads apart.</summary>
    public string Short(MemberInfo member) =>
        member switch
        {
            ConstructorInfo constructor => $"{Name(member.DeclaringType!)}({Types(constructor)})",
            _ when FSharpShape.IsPattern(member) => FSharpShape.NameOf(member),
            MethodInfo { IsSpecialName: true } method => $"{Operator(method)}({Types(method)})",
            MethodInfo method =>
                $"{method.Name}{Generics(method.GetGenericArguments())}({Types(method)})",
            PropertyInfo property when property.GetIndexParameters() is not [] => "this[…]",
            _ => member.Name,
        };

    public string KindOf(Type type) => Kind(type);

    /// <summary>What a type is called in C#.</summary>
    public static string Kind(Type type) =>
        Library.IsDelegate(type) ? "delegate"
        : type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : IsRecord(type) ? (type.IsValueType ? "record struct" : "record")
        : type.IsValueType ? "struct"
        : type.IsSubclassOf(typeof(Exception)) ? "exception"
        : "class";

    // What makes a case, what asks for it, and the type that has its fields.
    private string Case(MemberInfo member, string name)
    {
        var union = member.DeclaringType!;
        var lines = new List<string> { Declaration(member) };
        if (union.GetProperty($"Is{name}") is { } question)
            lines.Add(Of(question));
        var fields = FSharpShape.FieldsOf(member).ToList();
        if (fields is [var first, ..] && first.DeclaringType != union)
            lines.Add(
                $"{Word("public class")} {name} : {Name(union)} {{{Together([.. fields.Select(Field)])}}}"
            );
        else
            lines.AddRange(fields.Select(Of));
        return string.Join('\n', lines);

        string Field(PropertyInfo field) =>
            $"{Type(field.PropertyType, nullability.Create(field))} {field.Name} {{ {Word("get; ")}}}";

        static string Together(IReadOnlyCollection<string> fields) =>
            IsLong(fields)
                ? $"\n    {string.Join("\n    ", fields)}\n"
                : $" {string.Join(" ", fields)} ";
    }

    private static string Modifiers(Type type)
    {
        var kind = Kind(type) is "exception" ? "class" : Kind(type);
        var modifier =
            type is { IsAbstract: true, IsSealed: true } ? "static "
            : type.IsAbstract && type.IsClass ? "abstract "
            : type.IsSealed && type.IsClass ? "sealed "
            : type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly "
            : "";
        return $"public {modifier}{(type.IsByRefLike ? "ref " : "")}{kind}";
    }

    private static bool IsRecord(Type type) =>
        type.GetMethod("<Clone>$") is not null
        || (
            type.IsValueType
            && type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance)
                is not null
        );

    private string Of(MethodInfo method)
    {
        var name = method.IsSpecialName
            ? Operator(method)
            : method.Name + Generics(method.GetGenericArguments());
        var head = method.Name is "op_Implicit" or "op_Explicit"
            ? name
            : $"{ReturnType(method)} {name}";
        return $"{Word(Access(method))} {head}({Parameters(method)})";
    }

    private string Operator(MethodInfo method) =>
        method.Name switch
        {
            "op_Implicit" => $"implicit operator {Type(method.ReturnType, null)}",
            "op_Explicit" => $"explicit operator {Type(method.ReturnType, null)}",
            "op_Equality" => "operator ==",
            "op_Inequality" => "operator !=",
            var name => name,
        };

    private string Of(PropertyInfo property)
    {
        var accessor = property.GetMethod ?? property.SetMethod!;
        var type = Type(property.PropertyType, nullability.Create(property));
        var required = property.IsDefined(typeof(RequiredMemberAttribute)) ? " required" : "";
        var name = property.GetIndexParameters() is []
            ? property.Name
            : $"this[{Parameters(accessor)}]";
        var getter = property.GetMethod is null ? "" : "get; ";
        return $"{Word(Access(accessor) + required)} {type} {name} {{ {Word(getter + Setter(property))}}}";
    }

    private static string Setter(PropertyInfo property) =>
        property.SetMethod is not { IsPublic: true } setter ? ""
        : setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit))
            ? "init; "
        : "set; ";

    private string Of(FieldInfo field) =>
        field.DeclaringType!.IsEnum
            ? $"{field.Name} = {Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}"
            : $"{Word(field.IsLiteral ? "public const" : "public static readonly")} {Type(field.FieldType, nullability.Create(field))} {field.Name}";

    private static string Access(MethodInfo method)
    {
        var access = method.IsPublic ? "public" : "protected";
        var overrides = method.GetBaseDefinition() != method;
        var kind =
            method.IsStatic ? " static"
            : method.DeclaringType!.IsInterface ? ""
            : overrides ? " override"
            : method.IsAbstract ? " abstract"
            : method is { IsVirtual: true, IsFinal: false } ? " virtual"
            : "";
        return access + kind;
    }

    private string ReturnType(MethodInfo method) =>
        Type(method.ReturnType, nullability.Create(method.ReturnParameter));

    private string Types(MethodBase method) =>
        string.Join(
            ", ",
            method.GetParameters().Select(parameter => Plain(Type(parameter.ParameterType, null)))
        );

    private string Parameters(MethodBase method)
    {
        var parameters = method
            .GetParameters()
            .Select((parameter, index) => Parameter(method, parameter, index))
            .ToList();
        return IsLong(parameters)
            ? "\n    " + string.Join(",\n    ", parameters) + "\n"
            : string.Join(", ", parameters);
    }

    private string Parameter(MethodBase method, ParameterInfo parameter, int index)
    {
        var modifier =
            index == 0 && method.IsDefined(typeof(ExtensionAttribute)) ? "this "
            : parameter.IsDefined(typeof(ParamArrayAttribute))
            || parameter.IsDefined(typeof(ParamCollectionAttribute))
                ? "params "
            : parameter.IsOut ? "out "
            : parameter.IsIn ? "in "
            : parameter.ParameterType.IsByRef ? "ref "
            : "";
        var type = Type(parameter.ParameterType, nullability.Create(parameter));
        return $"{(modifier == "" ? "" : Word(modifier.Trim()) + " ")}{type} {parameter.Name}{Default(parameter)}";
    }

    private static string Default(ParameterInfo parameter)
    {
        if (!parameter.HasDefaultValue)
            return "";
        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        var text = parameter.DefaultValue switch
        {
            null => type.IsValueType && type == parameter.ParameterType ? "default" : "null",
            bool value => value ? "true" : "false",
            string value => $"\"{value}\"",
            var value when type.IsEnum => $"{type.Name}.{Enum.GetName(type, value)}",
            var value => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
        return " = " + WebUtility.HtmlEncode(text);
    }

    private static string Generics(Type[] arguments) =>
        arguments is []
            ? ""
            : $"&lt;{string.Join(", ", arguments.Select(argument => argument.Name))}&gt;";

    private static string Name(Type type) =>
        type.Name.Split('`')[0] + Generics(type.GetGenericArguments());

    private string Type(Type type, NullabilityInfo? info)
    {
        if (type.IsByRef)
            return Type(type.GetElementType()!, info?.ElementType ?? info);
        if (Nullable.GetUnderlyingType(type) is { } value)
            return Type(value, info) + "?";
        var isNull = info is { ReadState: NullabilityState.Nullable } && !type.IsValueType;
        var mark = isNull ? "?" : "";
        if (type.IsArray)
            return Type(type.GetElementType()!, info?.ElementType) + "[]" + mark;
        if (Keyword(type) is { } keyword)
            return Word(keyword) + mark;
        var name = type.Name.Split('`')[0];
        if (type.IsGenericParameter)
            return name + mark;
        var definition = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        var link = links.To(DocId.Of(definition), name);
        return type.IsGenericType ? $"{link}&lt;{Arguments(type, info)}&gt;{mark}" : link + mark;
    }

    private string Arguments(Type type, NullabilityInfo? info)
    {
        var known = info?.GenericTypeArguments ?? [];
        var arguments = type.GetGenericArguments();
        return string.Join(
            ", ",
            arguments.Select(
                (argument, index) =>
                    Type(argument, known.Length == arguments.Length ? known[index] : null)
            )
        );
    }

    private static string? Keyword(Type type) =>
        type == typeof(void) ? "void"
        : type == typeof(object) ? "object"
        : type == typeof(string) ? "string"
        : type.IsEnum ? null
        : System.Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => "bool",
            TypeCode.Byte => "byte",
            TypeCode.Char => "char",
            TypeCode.Double => "double",
            TypeCode.Int16 => "short",
            TypeCode.UInt16 => "ushort",
            TypeCode.Int32 => "int",
            TypeCode.UInt32 => "uint",
            TypeCode.Int64 => "long",
            TypeCode.UInt64 => "ulong",
            _ => null,
        };
}
