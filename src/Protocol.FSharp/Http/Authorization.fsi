// Who a client says it is: the schemes Basic (RFC 7617) and Bearer (RFC 6750), and what they are asked for with.
// Nothing is compared here: that takes care of its own.
namespace FunctionalWs.Protocol

open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

/// <summary>A user's name and password, as a client sent them (RFC 7617 §2). Its text form hides the password.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type BasicCredentials = {
    /// <summary>The name: no colon, no control characters; may be empty.</summary>
    Username: string
    /// <summary>The password: no control characters; may be empty.</summary>
    Password: string
} with

    /// <summary>The name, and stars for the password.</summary>
    override ToString: unit -> string

/// <summary>What is wrong with the header <c>Authorization</c>.</summary>
[<RequireQualifiedAccess>]
type AuthorizationError =
    /// <summary>There is none.</summary>
    | Missing
    /// <summary>There are several (RFC 9110 §11.6.2).</summary>
    | Repeated
    /// <summary>It is of another scheme, or can't be read.</summary>
    | Unsupported

/// <summary>Reads credentials, and asks for them. A peer's mistake is a result, never an exception.</summary>
module Authorization =

    /// <summary>Name and password of the scheme Basic: UTF-8, parted at the first colon (RFC 7617 §2).</summary>
    /// <param name="headers">The headers of a request.</param>
    [<CompiledName("Basic")>]
    val basic: headers: Headers -> Result<BasicCredentials, AuthorizationError>

    /// <summary>Name and password, as <c>Basic</c> reads them.</summary>
    /// <param name="headers">The headers of a request.</param>
    /// <param name="credentials">Name and password; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryBasic")>]
    val tryBasic:
        headers: Headers *
        [<Out; NotNullWhen(true)>] credentials: byref<BasicCredentials | null> *
        [<Out>] error: byref<AuthorizationError> ->
            bool

    /// <summary>The token of the scheme Bearer (RFC 6750 §2.1). It is a secret.</summary>
    /// <param name="headers">The headers of a request.</param>
    [<CompiledName("Bearer")>]
    val bearer: headers: Headers -> Result<string, AuthorizationError>

    /// <summary>The token, as <c>Bearer</c> reads it. It is a secret.</summary>
    /// <param name="headers">The headers of a request.</param>
    /// <param name="token">The token; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryBearer")>]
    val tryBearer:
        headers: Headers *
        [<Out; NotNullWhen(true)>] token: byref<string | null> *
        [<Out>] error: byref<AuthorizationError> ->
            bool

    /// <summary>The value of <c>WWW-Authenticate</c> that asks for the scheme Basic in UTF-8 (RFC 7617 §2.1).</summary>
    /// <param name="realm">A name for what is protected, shown to people: printable ASCII, may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    [<CompiledName("BasicChallenge")>]
    val basicChallenge: realm: string -> string

    /// <summary>The value of <c>WWW-Authenticate</c> that asks for the scheme Bearer (RFC 6750 §3).</summary>
    /// <param name="realm">A name for what is protected: printable ASCII, may be empty.</param>
    /// <param name="isInvalid">True when a token was sent that is not valid; false when none was.</param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    [<CompiledName("BearerChallenge")>]
    val bearerChallenge: realm: string -> isInvalid: bool -> string

type BasicCredentials with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (BasicCredentials | null) * right: (BasicCredentials | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (BasicCredentials | null) * right: (BasicCredentials | null) -> bool

type AuthorizationError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (AuthorizationError | null) * right: (AuthorizationError | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality:
        left: (AuthorizationError | null) * right: (AuthorizationError | null) -> bool
