// Lists in header values, as the opening handshake has them (RFC 9110 §5.6, RFC 6455 §9.1).
// One pass from left to right, no backtracking: the time is linear in the text.
namespace FunctionalWs.Protocol

open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

/// <summary>Where a header value stops being what it should be.</summary>
type GrammarError = {
    /// <summary>What should stand there.</summary>
    Expected: string
    /// <summary>The index of the character, from 0; the length of the text at its end.</summary>
    Position: int
}

/// <summary>A parameter of an extension (RFC 6455 §9.1).</summary>
type ExtensionParameter = {
    /// <summary>The name; case matters.</summary>
    Name: string
    /// <summary>The value, unquoted; null when there is none.</summary>
    Value: string | null
}

/// <summary>An extension that a client offers, or that a server agrees to (RFC 6455 §9.1).</summary>
type ExtensionOffer = {
    /// <summary>The name; case matters.</summary>
    Name: string
    /// <summary>The parameters in order.</summary>
    Parameters: EquatableList<ExtensionParameter>
} with

    /// <summary>Makes an extension.</summary>
    /// <param name="name">The name, a token.</param>
    /// <param name="parameters">The parameters in order.</param>
    static member Create: name: string * parameters: ExtensionParameter seq -> ExtensionOffer

/// <summary>
/// What a client says in <c>Authorization</c>, in the form that most schemes use (RFC 9110 §11.4). Its text form hides the token.
/// </summary>
[<StructuredFormatDisplay("{Shown}")>]
type SchemeCredentials = {
    /// <summary>The scheme, such as <c>Basic</c>; case doesn't matter.</summary>
    Scheme: string
    /// <summary>Letters, digits and <c>-._~+/</c>, then any <c>=</c>. It may be a secret.</summary>
    Token: string
} with

    /// <summary>The scheme, and stars for the token.</summary>
    override ToString: unit -> string

/// <summary>Parsers of header values. A peer's mistake is a result, never an exception.</summary>
module HeaderGrammar =

    /// <summary>A list of tokens, as in <c>Connection</c> and <c>Sec-WebSocket-Protocol</c>.</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseTokens")>]
    val parseTokens: text: string -> Result<EquatableList<string>, GrammarError>

    /// <summary>A list of tokens, as <c>ParseTokens</c> reads it.</summary>
    /// <param name="text">The value of the header.</param>
    /// <param name="tokens">The tokens; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryParseTokens")>]
    val tryParseTokens:
        text: string *
        [<Out; NotNullWhen(true)>] tokens: byref<EquatableList<string> | null> *
        [<Out>] error: byref<GrammarError> ->
            bool

    /// <summary>A list of protocols, <c>token</c> or <c>token/token</c>, as in <c>Upgrade</c> (RFC 9110 §7.8).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseProtocols")>]
    val parseProtocols: text: string -> Result<EquatableList<string>, GrammarError>

    /// <summary>A list of protocols, as <c>ParseProtocols</c> reads it.</summary>
    /// <param name="text">The value of the header.</param>
    /// <param name="protocols">The protocols; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryParseProtocols")>]
    val tryParseProtocols:
        text: string *
        [<Out; NotNullWhen(true)>] protocols: byref<EquatableList<string> | null> *
        [<Out>] error: byref<GrammarError> ->
            bool

    /// <summary>A list of extensions, as in <c>Sec-WebSocket-Extensions</c> (RFC 6455 §9.1).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseExtensions")>]
    val parseExtensions: text: string -> Result<EquatableList<ExtensionOffer>, GrammarError>

    /// <summary>A list of extensions, as <c>ParseExtensions</c> reads it.</summary>
    /// <param name="text">The value of the header.</param>
    /// <param name="extensions">The extensions; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryParseExtensions")>]
    val tryParseExtensions:
        text: string *
        [<Out; NotNullWhen(true)>] extensions: byref<EquatableList<ExtensionOffer> | null> *
        [<Out>] error: byref<GrammarError> ->
            bool

    /// <summary>Extensions as the value of a header (RFC 6455 §9.1).</summary>
    /// <param name="extensions">Names and values are tokens.</param>
    [<CompiledName("RenderExtensions")>]
    val renderExtensions: extensions: ExtensionOffer seq -> string

    /// <summary>A scheme, blanks and a <c>token68</c>, as <c>Authorization</c> has them (RFC 9110 §11.4).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseCredentials")>]
    val parseCredentials: text: string -> Result<SchemeCredentials, GrammarError>

    /// <summary>A scheme and its token, as <c>ParseCredentials</c> reads them.</summary>
    /// <param name="text">The value of the header.</param>
    /// <param name="credentials">The credentials; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryParseCredentials")>]
    val tryParseCredentials:
        text: string *
        [<Out; NotNullWhen(true)>] credentials: byref<SchemeCredentials | null> *
        [<Out>] error: byref<GrammarError> ->
            bool

type GrammarError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (GrammarError | null) * right: (GrammarError | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (GrammarError | null) * right: (GrammarError | null) -> bool

type ExtensionParameter with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ExtensionParameter | null) * right: (ExtensionParameter | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality:
        left: (ExtensionParameter | null) * right: (ExtensionParameter | null) -> bool

type ExtensionOffer with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ExtensionOffer | null) * right: (ExtensionOffer | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ExtensionOffer | null) * right: (ExtensionOffer | null) -> bool

type SchemeCredentials with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (SchemeCredentials | null) * right: (SchemeCredentials | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (SchemeCredentials | null) * right: (SchemeCredentials | null) -> bool
