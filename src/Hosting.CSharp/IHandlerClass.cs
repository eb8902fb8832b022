using System.Diagnostics.CodeAnalysis;

namespace FunctionalWs.Hosting;

/// <summary>What a rule's handler, or a router, is when it is a class, made by services.</summary>
internal interface IHandlerClass
{
    /// <summary>The class.</summary>
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)]
    Type Type { get; }
}
