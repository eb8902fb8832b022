using System.Reflection;

namespace FunctionalWs.Docs.Api;

/// <summary>Declarations as one language has them, in HTML.</summary>
internal interface ISignature
{
    /// <summary>The class of what is shown only to those who chose this language: <c>csharp</c> or <c>fsharp</c>.</summary>
    string Language { get; }

    /// <summary>What a type is called in the language.</summary>
    string KindOf(Type type);

    string Of(Type type);

    string Of(MemberInfo member);

    /// <summary>The name, and what tells overloads apart.</summary>
    string Short(MemberInfo member);
}
