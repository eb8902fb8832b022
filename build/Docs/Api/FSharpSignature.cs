using System.Globalization;
using System.Net;
using System.Reflection;
using static FunctionalWs.Docs.Api.Markup;

namespace FunctionalWs.Docs.Api;

/// <summary>Declarations as F# has them in signature files, in HTML, with links to the types.</summary>
internal sealed class FSharpSignature(Links links) : ISignature
{
    private readonly FSharpTypeText types = new(links);

    public string Language => "fsharp";

    public string KindOf(Type type) =>
        FSharpShape.IsModule(type) ? "module"
        : FSharpShape.IsUnion(type) ? "union"
        : FSharpShape.IsRecord(type) ? "record"
        : type.IsInterface ? "interface"
        : type.IsEnum ? "enum"
        : type.IsValueType ? "struct"
        : "class";

    public string Of(Type type)
    {
        if (FSharpShape.IsModule(type))
            return $"{Word("module")} {type.Name}";
        var title =
            $"{Word("type")} {FSharpTypeText.NameOf(type)}{Generics(type.GetGenericArguments())}";
        if (type.IsEnum)
            return $"{title} =\n    {string.Join("\n    ", Library.MembersOf(type).Select(value => $"| {Of(value)}"))}";
        var head = (type.IsValueType ? "[&lt;Struct&gt;]\n" : "") + title;
        var fields = Library.MembersOf(type).Where(FSharpShape.IsField).Select(Of).ToList();
        return FSharpShape.IsRecord(type) && fields is not []
                ? $"{head} =\n    {{ {string.Join("\n      ", fields)} }}"
            : FSharpShape.CasesOf(type).ToList() is { Count: > 0 } cases
                ? $"{head} =\n    {string.Join("\n    ", cases.Select(Of))}"
            : string.Join("\n", Bases.Of(type).Select(Base).Prepend(head));
    }

    public string Of(MemberInfo member) =>
        member switch
        {
            _ when FSharpShape.CaseOf(member) is { } name => Case(member, name),
            ConstructorInfo constructor =>
                $"{Word("new")}:{Function(constructor, FSharpTypeText.NameOf(member.DeclaringType!))}",
            MethodInfo method => $"{Head(method)}:{Function(method, types.OfResult(method))}",
            PropertyInfo property when FSharpShape.IsField(property) =>
                $"{property.Name}: {types.Of(property)}",
            PropertyInfo property => Of(property),
            FieldInfo { DeclaringType.IsEnum: true } value => $"{value.Name} = {Constant(value)}",
            FieldInfo field => $"{Word("val")} {field.Name}: {types.Of(field)} = {Constant(field)}",
            _ => throw new ArgumentException($"{member} has no signature."),
        };

    public string Short(MemberInfo member) =>
        member switch
        {
            ConstructorInfo constructor => $"{Word("new")} ({Types(constructor)})",
            MethodInfo method
                when FSharpShape.CaseOf(member) is null
                    && !FSharpShape.IsModule(method.DeclaringType!) =>
                $"{Name(method)}({Types(method)})",
            _ => Name(member),
        };

    private static string Constant(FieldInfo field) =>
        WebUtility.HtmlEncode(
            Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)!
        );

    private string Base(Type type) =>
        $"    {Word(type.IsInterface ? "interface" : "inherit")} {types.Of(type)}";

    private string Case(MemberInfo member, string name)
    {
        var fields = FSharpShape
            .FieldsOf(member)
            .Select(field => $"{field.Name}: {types.Of(field)}")
            .ToList();
        return $"| {name}{(fields is [] ? "" : $" {Word("of")} {string.Join(" * ", fields)}")}";
    }

    private string Of(PropertyInfo property)
    {
        var accessor = property.GetMethod ?? property.SetMethod!;
        var index = property.GetIndexParameters() is []
            ? ""
            : $"{string.Join(" * ", property.GetIndexParameters().Select(types.Of))} -> ";
        var setter = property.SetMethod is { IsPublic: true }
            ? $" {Word("with")} {Word("get, set")}"
            : "";
        return $"{Head(accessor, property)}: {index}{types.Of(property)}{setter}";
    }

    private static string Head(MethodInfo method, MemberInfo? named = null)
    {
        var kind =
            FSharpShape.IsModule(method.DeclaringType!) ? "val"
            : method.IsStatic ? "static member"
            : method.GetBaseDefinition() != method ? "override"
            : method.IsAbstract ? "abstract"
            : method is { IsVirtual: true, IsFinal: false } ? "default"
            : "member";
        return $"{Word(kind)} {Name(named ?? method)}{Generics(method.GetGenericArguments())}";
    }

    private static string Name(MemberInfo member) =>
        FSharpShape.IsPattern(member)
            ? $"({FSharpShape.NameOf(member)})"
            : FSharpShape.NameOf(member);

    private static string Generics(Type[] arguments) =>
        arguments is []
            ? ""
            : $"&lt;{string.Join(", ", arguments.Select(FSharpTypeText.NameOf))}&gt;";

    // Long ones stand on lines of their own.
    private string Function(MethodBase method, string result)
    {
        var parameters = method.GetParameters().Select(types.Of).ToList();
        if (parameters is [])
            return $" {Word("unit")} -> {result}";
        var isLong = IsLong(parameters);
        var (times, arrow) = isLong ? (" *\n    ", " ->\n    ") : (" * ", " -> ");
        var arguments = new List<string>();
        var taken = 0;
        foreach (var count in FSharpShape.ArgumentsOf(method).Where(count => count > 0))
        {
            arguments.Add(string.Join(times, parameters.Skip(taken).Take(count)));
            taken += count;
        }

        return $"{(isLong ? "\n    " : " ")}{string.Join(arrow, arguments)}{arrow}{(isLong ? "    " : "")}{result}";
    }

    private string Types(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => Plain(types.Bare(parameter))));
}
