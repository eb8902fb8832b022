using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FunctionalWs.Docs.Api;

/// <summary>
/// Finds public items without a summary. C#'s compiler warns of them, too; F#'s does not.
/// </summary>
internal static partial class CommentCheck
{
    public static IEnumerable<string> Missing(Library library) =>
        library
            .Types.SelectMany(type => IdsOf(library, type).Distinct())
            .Where(id => !IsCommented(library.CommentOf(id)))
            .Select(id => $"{library.Name}: {id} has no summary");

    private static bool IsCommented(XElement? comment) =>
        comment?.Element("inheritdoc") is not null
        || !string.IsNullOrWhiteSpace(comment?.Element("summary")?.Value);

    private static IEnumerable<string> IdsOf(Library library, Type type)
    {
        // The cases of an F# union are types of their own for C#, whose properties are the case's fields.
        if (type.DeclaringType is { } union && Mapping(union) == SumType)
            return [];
        return Library
            .MembersOf(type)
            .Where(member => Mapping(member) != UnionCase)
            .Where(member => member is not ConstructorInfo made || !IsUnwritten(library, made))
            .Select(member => library.IsFSharp ? IdInFSharp(member) : DocId.Of(member))
            .Concat(CasesOf(type).Select(name => $"{DocId.Of(type)}.{name}"))
            .Prepend(DocId.Of(type));
    }

    // A case is made by a method, NewName(…), or a property of its name.
    private static IEnumerable<string> CasesOf(Type type) =>
        type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Where(method => Mapping(method) == UnionCase)
            .Select(method => CaseName().Replace(method.Name, ""));

    [GeneratedRegex("^(get_|New)")]
    private static partial Regex CaseName();

    // A record's constructor, or one without parameters, which can't be told from one that nobody wrote.
    private static bool IsUnwritten(Library library, ConstructorInfo constructor) =>
        Mapping(constructor.DeclaringType!) == RecordType
        || (constructor.GetParameters() is [] && library.CommentOf(DocId.Of(constructor)) is null);

    // F# writes a module's literal as a property, and no result after an operator.
    private static string IdInFSharp(MemberInfo member) =>
        member is FieldInfo { DeclaringType.IsEnum: false } literal
            ? "P" + DocId.Of(literal)[1..]
            : DocId.Of(member).Split('~')[0];

    // FSharp.Core's SourceConstructFlags, without a reference to one particular FSharp.Core.
    private const int SumType = 1;
    private const int RecordType = 2;
    private const int UnionCase = 8;

    private static int Mapping(MemberInfo member) =>
        member
            .GetCustomAttributesData()
            .Where(data => data.AttributeType.Name == "CompilationMappingAttribute")
            .Select(data => (int)data.ConstructorArguments[0].Value! & 31)
            .FirstOrDefault();
}
