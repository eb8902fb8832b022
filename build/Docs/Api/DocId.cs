using System.Reflection;

namespace FunctionalWs.Docs.Api;

/// <summary>The names under which compilers write XML comments (C# standard, annex D.4.2).</summary>
internal static class DocId
{
    public static string Of(Type type) => "T:" + NameOf(type);

    public static string Of(PropertyInfo property) =>
        $"P:{NameOf(property.DeclaringType!)}.{property.Name}{Parameters(property.GetIndexParameters())}";

    public static string Of(FieldInfo field) => $"F:{NameOf(field.DeclaringType!)}.{field.Name}";

    public static string Of(EventInfo e) => $"E:{NameOf(e.DeclaringType!)}.{e.Name}";

    public static string Of(MethodBase method)
    {
        var arity = method.IsGenericMethod ? "``" + method.GetGenericArguments().Length : "";
        var id =
            $"M:{NameOf(method.DeclaringType!)}.{method.Name.Replace('.', '#')}{arity}{Parameters(method.GetParameters())}";
        return method is MethodInfo { Name: "op_Implicit" or "op_Explicit" } conversion
            ? $"{id}~{Reference(conversion.ReturnType)}"
            : id;
    }

    public static string Of(MemberInfo member) =>
        member switch
        {
            Type type => Of(type),
            PropertyInfo property => Of(property),
            FieldInfo field => Of(field),
            EventInfo e => Of(e),
            MethodBase method => Of(method),
            _ => throw new ArgumentException($"{member} has no name in XML comments."),
        };

    private static string NameOf(Type type) =>
        (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string Parameters(ParameterInfo[] parameters) =>
        parameters is []
            ? ""
            : $"({string.Join(',', parameters.Select(parameter => Reference(parameter.ParameterType)))})";

    private static string Reference(Type type)
    {
        if (type.IsByRef)
            return Reference(type.GetElementType()!) + "@";
        if (type.IsPointer)
            return Reference(type.GetElementType()!) + "*";
        if (type.IsArray)
            return Reference(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter)
            return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;
        if (!type.IsGenericType)
            return NameOf(type);
        var name = NameOf(type);
        var arguments = string.Join(',', type.GetGenericArguments().Select(Reference));
        return $"{name[..name.IndexOf('`')]}{{{arguments}}}";
    }
}
