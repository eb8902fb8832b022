using System.Collections;
using System.Reflection;

namespace FunctionalWs.Docs.Api;

/// <summary>What F#'s compiler noted about what it made: which types are unions, records and modules, which members are their parts.</summary>
internal static class FSharpShape
{
    // FSharp.Core's SourceConstructFlags, without a reference to one particular FSharp.Core.
    private const int SumType = 1;
    private const int RecordType = 2;
    private const int Field = 4;
    private const int Module = 7;
    private const int UnionCase = 8;
    private const int KindMask = 31;

    public static bool IsUnion(Type type) => Notes(type) is [SumType, ..];

    public static bool IsRecord(Type type) => Notes(type) is [RecordType, ..];

    public static bool IsModule(Type type) => Notes(type) is [Module, ..];

    /// <summary>A field of a record, or of a case of a union.</summary>
    public static bool IsField(MemberInfo member) => Notes(member) is [Field, ..];

    /// <summary>The cases are types of their own for C#, and so are their numbers.</summary>
    public static bool IsPartOfUnion(Type type) =>
        type.DeclaringType is { } union && IsUnion(union);

    public static bool IsPattern(MemberInfo member) =>
        member is MethodInfo && member.Name.StartsWith('|');

    /// <summary>The cases of a union in their order: what makes one, a method or, without fields, a property.</summary>
    public static IEnumerable<MemberInfo> CasesOf(Type type) =>
        type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(method => Notes(method) is [UnionCase, ..])
            .OrderBy(Number)
            .Select(method => (MemberInfo?)PropertyOf(method) ?? method);

    /// <summary>The name of the case that a member makes, if it makes one.</summary>
    public static string? CaseOf(MemberInfo member) =>
        Maker(member) is not { } maker
            ? null
            : PropertyOf(maker)?.Name ?? member.Name["New".Length..];

    /// <summary>The fields of the case that a member makes; they are of a type of the case's name, or of the union where that has one form.</summary>
    public static IEnumerable<PropertyInfo> FieldsOf(MemberInfo unionCase)
    {
        var number = Number(Maker(unionCase)!);
        var union = unionCase.DeclaringType!;
        return (union.GetNestedType(CaseOf(unionCase)!) ?? union)
            .GetProperties()
            .Where(property => Notes(property) is [Field, var one, _] && one == number)
            .OrderBy(property => Notes(property)[2]);
    }

    /// <summary>
    /// The name in F#, which C# may have another for. A module's value that was given one keeps no other: as all that have a name for
    /// C#, it begins with a small letter.
    /// </summary>
    public static string NameOf(MemberInfo member) =>
        CaseOf(member)
        ?? Attribute(member, "CompilationSourceNameAttribute")?.ConstructorArguments[0].Value
            as string
        ?? (
            Attribute(member, "CompiledNameAttribute") is null
                ? member.Name
                : char.ToLowerInvariant(member.Name[0]) + member.Name[1..]
        );

    /// <summary>How many parameters stand together, for each argument of a function.</summary>
    public static IEnumerable<int> ArgumentsOf(MethodBase method) =>
        Attribute(method, "CompilationArgumentCountsAttribute") is { } counts
            ? Numbers(counts.ConstructorArguments)
            : [method.GetParameters().Length];

    private static MethodInfo? Maker(MemberInfo member)
    {
        var maker = member is PropertyInfo property ? property.GetMethod : member as MethodInfo;
        return maker is not null && Notes(maker) is [UnionCase, ..] ? maker : null;
    }

    private static PropertyInfo? PropertyOf(MethodInfo maker) =>
        maker.Name.StartsWith("get_")
            ? maker.DeclaringType!.GetProperty(maker.Name["get_".Length..])
            : null;

    private static int Number(MethodInfo maker) => Notes(maker)[1];

    // The kind, and the places among its like.
    private static int[] Notes(MemberInfo member)
    {
        var notes = Attribute(member, "CompilationMappingAttribute");
        return notes is null ? []
            : Numbers(notes.ConstructorArguments).ToArray() is [var kind, .. var places]
                ? [kind & KindMask, .. places]
            : [];
    }

    private static IEnumerable<int> Numbers(IEnumerable<CustomAttributeTypedArgument> arguments) =>
        arguments.SelectMany(argument =>
            argument.Value is IEnumerable many
                ? many.Cast<CustomAttributeTypedArgument>().Select(one => (int)one.Value!)
                : [(int)argument.Value!]
        );

    private static CustomAttributeData? Attribute(MemberInfo member, string name) =>
        member.GetCustomAttributesData().FirstOrDefault(data => data.AttributeType.Name == name);
}
