namespace FunctionalWs.Docs.Api;

/// <summary>What a declaration names behind a type: the class and the interfaces that its author chose.</summary>
internal static class Bases
{
    public static IEnumerable<Type> Of(Type type)
    {
        if (type.IsEnum)
            yield break;
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType))
            yield return parent;
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        foreach (var contract in type.GetInterfaces().Except(inherited))
        {
            var implied = type.GetInterfaces()
                .Any(other => other.GetInterfaces().Contains(contract));
            if (!implied && !IsGenerated(contract))
                yield return contract;
        }
    }

    // What compilers make for records and unions.
    private static bool IsGenerated(Type contract) =>
        contract.Name
            is "IEquatable`1"
                or "IStructuralEquatable"
                or "IComparable`1"
                or "IComparable"
                or "IStructuralComparable";
}
