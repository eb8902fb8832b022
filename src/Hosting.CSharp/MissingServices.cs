using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace FunctionalWs.Hosting;

/// <summary>
/// Finds what a handler's constructor, and those of the services that it takes, ask for in vain, without making any of them: a
/// container would tell when the first client comes.
/// </summary>
/// <param name="services">The services, as they were added.</param>
/// <param name="known">Tells what the container can give.</param>
internal sealed class MissingServices(IServiceCollection services, IServiceProviderIsService known)
{
    private readonly HashSet<Type> seen = [];

    /// <summary>Which class takes what that there isn't.</summary>
    public IEnumerable<string> Of(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type handler
    )
    {
        var added = Added(handler);
        return added is null ? OfClass(handler)
            : added.ImplementationType is { } type ? OfClass(type)
            : [];
    }

    private IEnumerable<string> OfClass(
        [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type type
    )
    {
        if (type.IsGenericTypeDefinition || !seen.Add(type))
            return [];
        var constructors = type.GetConstructors()
            .Select(constructor => constructor.GetParameters())
            .OrderByDescending(parameters => parameters.Length)
            .ToList();
        if (constructors.Count == 0)
            return [];
        var taken = constructors.Find(parameters => parameters.All(CanBeGiven));
        return taken is null
            ? constructors[0].Where(parameter => !CanBeGiven(parameter)).Select(Told)
            : taken.SelectMany(OfParameter);

        string Told(ParameterInfo parameter) =>
            Invariant($"{type} takes a {parameter.ParameterType}, which is no service of the host");
    }

    private IEnumerable<string> OfParameter(ParameterInfo parameter) =>
        IsKeyed(parameter) ? []
        : Added(parameter.ParameterType)?.ImplementationType is { } type ? OfClass(type)
        : [];

    private bool CanBeGiven(ParameterInfo parameter) =>
        parameter.HasDefaultValue
        || parameter.GetCustomAttribute<ServiceKeyAttribute>() is not null
        || (
            parameter.GetCustomAttribute<FromKeyedServicesAttribute>() is { } keyed
                ? known is not IServiceProviderIsKeyedService keys
                    || keyed.LookupMode != ServiceKeyLookupMode.ExplicitKey
                    || keys.IsKeyedService(parameter.ParameterType, keyed.Key)
                : known.IsService(parameter.ParameterType)
        );

    private static bool IsKeyed(ParameterInfo parameter) =>
        parameter.GetCustomAttribute<FromKeyedServicesAttribute>() is not null;

    private ServiceDescriptor? Added(Type type) =>
        services.LastOrDefault(service => service.ServiceType == type && !service.IsKeyedService);
}
