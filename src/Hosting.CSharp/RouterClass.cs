using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>A router that is a class: one is made, of services.</summary>
internal sealed class RouterClass<
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TRouter
> : IHandlerClass
    where TRouter : Router
{
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
    public Type Type => typeof(TRouter);
}
