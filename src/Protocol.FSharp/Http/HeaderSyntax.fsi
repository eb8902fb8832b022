// What header fields are made of: characters and tokens.
namespace FunctionalWs.Protocol

/// <summary>What header fields are made of (RFC 9110 §5.1, §5.5, §5.6.2).</summary>
module HeaderSyntax =

    /// <summary>True for the characters of a token: letters, digits and <c>!#$%&amp;'*+-.^_`|~</c> (RFC 9110 §5.6.2).</summary>
    /// <param name="character">Any character.</param>
    [<CompiledName("IsTokenCharacter")>]
    val isTokenCharacter: character: char -> bool

    /// <summary>True for one or more token characters (RFC 9110 §5.6.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsToken")>]
    val isToken: text: string -> bool

    /// <summary>True for the characters of a field value: TAB, 0x20–0x7E and 0x80–0xFF (RFC 9110 §5.5).</summary>
    /// <param name="character">Any character.</param>
    [<CompiledName("IsValueCharacter")>]
    val isValueCharacter: character: char -> bool

    /// <summary>True for text that can be a field's value; it may be empty (RFC 9110 §5.5).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsValue")>]
    val isValue: text: string -> bool
