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
                .Where(type => !IsGenerated(type))
                .OrderBy(type => type.FullName, StringComparer.Ordinal),
        ];
    }

    public Assembly Assembly { get; }

    public bool IsFSharp { get; }

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

    public XElement? CommentOf(string id) => comments.GetValueOrDefault(id);

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
                );

    public static bool IsDelegate(Type type) => type.IsSubclassOf(typeof(Delegate));

    public static bool IsGenerated(MemberInfo member) =>
        member.IsDefined(typeof(CompilerGeneratedAttribute), false)
        || (member.DeclaringType is { } outer && IsGenerated(outer));

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
            MethodInfo { IsSpecialName: true } method => !method.Name.StartsWith("op_"),
            MethodInfo method => method.GetBaseDefinition().DeclaringType == typeof(object)
                || (type.IsEnum && !method.IsStatic),
            FieldInfo field => field.IsSpecialName,
            _ => false,
        };

    // A copy constructor of a record, or the one without arguments that nobody wrote.
    private static bool IsImpliedConstructor(Type type, ConstructorInfo constructor) =>
        constructor.IsStatic
        || (
            constructor.IsFamily
            && constructor.GetParameters() is [var one]
            && one.ParameterType == type
        );
}
