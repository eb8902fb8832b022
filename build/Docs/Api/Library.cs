using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace FunctionalWs.Docs.Api;

/// <summary>An assembly of the product with its XML comments.</summary>
internal sealed class Library
{
    private const BindingFlags Declared =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    private readonly Dictionary<string, XElement> comments;

    private Library(Assembly assembly, Dictionary<string, XElement> comments)
    {
        Assembly = assembly;
        this.comments = comments;
        IsFSharp = assembly
            .GetCustomAttributesData()
            .Any(data => data.AttributeType.Name == "FSharpInterfaceDataVersionAttribute");
        Types =
        [
            .. assembly
                .GetExportedTypes()
                .Where(type => !IsGenerated(type) && !FSharpShape.IsPartOfUnion(type))
                .OrderBy(type => type.FullName, StringComparer.Ordinal),
        ];
    }

    public Assembly Assembly { get; }

    public bool IsFSharp { get; }

    /// <summary>True for what C# has no use for, as F# has its own form of it; its pages are fsdocs'.</summary>
    public bool IsOnlyForFSharp => Name.Contains(".FSharp");

    public IReadOnlyList<Type> Types { get; }

    public string Name => Assembly.GetName().Name!;

    /// <summary>Loads assemblies; what they refer to is taken from their own folders.</summary>
    public static IReadOnlyList<Library> Load(IReadOnlyList<string> paths)
    {
        var folders = paths.Select(path => Path.GetDirectoryName(Path.GetFullPath(path))!).ToList();
        AppDomain.CurrentDomain.AssemblyResolve += (_, wanted) =>
        {
            var file = new AssemblyName(wanted.Name).Name + ".dll";
            var found = folders
                .Select(folder => Path.Combine(folder, file))
                .FirstOrDefault(File.Exists);
            return found is null ? null : Assembly.LoadFrom(found);
        };
        return [.. paths.Select(Load)];
    }

    private static Library Load(string path)
    {
        var xml = XDocument.Load(
            Path.ChangeExtension(path, ".xml"),
            LoadOptions.PreserveWhitespace
        );
        var comments = new Dictionary<string, XElement>();
        foreach (var member in xml.Descendants("member"))
            comments[member.Attribute("name")!.Value] = member;
        return new Library(Assembly.LoadFrom(Path.GetFullPath(path)), comments);
    }

    public XElement? CommentOf(MemberInfo member) => comments.GetValueOrDefault(IdOf(member));

    /// <summary>The name under which a comment is written.</summary>
    public string IdOf(MemberInfo member) =>
        IsFSharp && member is not Type ? IdInFSharp(member) : DocId.Of(member);

    // F# writes a case of a union as a type, a module's literal as a property, and no result after an operator.
    private static string IdInFSharp(MemberInfo member) =>
        FSharpShape.CaseOf(member) is { } name ? $"{DocId.Of(member.DeclaringType!)}.{name}"
        : member is FieldInfo { DeclaringType.IsEnum: false } literal ? "P" + DocId.Of(literal)[1..]
        : DocId.Of(member).Split('~')[0];

    /// <summary>False for a constructor without parameters and comment: it is the one that nobody wrote, or can't be told from it.</summary>
    public bool IsWritten(MemberInfo member) =>
        member is not ConstructorInfo constructor
        || constructor.GetParameters() is not []
        || CommentOf(member) is not null;

    /// <summary>What a user of a type can see and its author wrote: no generated code, no accessors.</summary>
    public static IEnumerable<MemberInfo> MembersOf(Type type) =>
        IsDelegate(type)
            ? []
            : type.GetMembers(Declared)
                .Where(member =>
                    member is not Type
                    && IsVisible(member)
                    && !IsGenerated(member)
                    && !IsImplied(type, member)
                    && FSharpShape.CaseOf(member) is null
                )
                .Concat(FSharpShape.CasesOf(type));

    public static bool IsDelegate(Type type) => type.IsSubclassOf(typeof(Delegate));

    public static bool IsGenerated(MemberInfo member) =>
        member.IsDefined(typeof(CompilerGeneratedAttribute), false)
        || (member.DeclaringType is { } outer && IsGenerated(outer));

    public static bool IsOperator(MemberInfo member) =>
        member is MethodInfo { IsSpecialName: true } && member.Name.StartsWith("op_");

    private static bool IsVisible(MemberInfo member) =>
        member switch
        {
            MethodBase method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly,
            FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
            PropertyInfo property => property.GetAccessors(true).Any(IsVisible),
            EventInfo e => e.AddMethod is { } add && IsVisible(add),
            _ => false,
        };

    private static bool IsImplied(Type type, MemberInfo member) =>
        member switch
        {
            ConstructorInfo constructor => IsImpliedConstructor(type, constructor),
            MethodInfo { IsSpecialName: true } => !IsOperator(member)
                && !FSharpShape.IsPattern(member),
            MethodInfo method => method.GetBaseDefinition().DeclaringType == typeof(object)
                || (type.IsEnum && !method.IsStatic),
            FieldInfo field => field.IsSpecialName,
            _ => false,
        };

    // Of a record: C#'s copy constructor, and F#'s, which is a part of the declaration.
    private static bool IsImpliedConstructor(Type type, ConstructorInfo constructor) =>
        constructor.IsStatic
        || FSharpShape.IsRecord(type)
        || (
            constructor.IsFamily
            && constructor.GetParameters() is [var one]
            && one.ParameterType == type
        );
}
