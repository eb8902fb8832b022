// Who a client says it is: the schemes Basic (RFC 7617) and Bearer (RFC 6750), and what they are asked for with.
// Nothing is compared here: that takes care of its own.
namespace FunctionalWs.Protocol

open System
open System.Text
open System.Text.Unicode

/// <summary>A user's name and password, as a client sent them (RFC 7617 §2). Its text form hides the password.</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type BasicCredentials = {
    /// <summary>The name: no colon, no control characters; may be empty.</summary>
    Username: string
    /// <summary>The password: no control characters; may be empty.</summary>
    Password: string
} with

    member private credentials.Text = $"{credentials.Username}:***"

    /// <summary>The name, and stars for the password.</summary>
    override credentials.ToString() = credentials.Text

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

    let private credentials (scheme: string) (headers: Headers) : Result<string, AuthorizationError> =
        match List.ofSeq (headers.GetAll "Authorization") with
        | [] -> Error AuthorizationError.Missing
        | [ value ] ->
            match HeaderGrammar.parseCredentials value with
            | Ok parsed when String.Equals(parsed.Scheme, scheme, StringComparison.OrdinalIgnoreCase) ->
                Ok parsed.Token
            | Ok _
            | Error _ -> Error AuthorizationError.Unsupported
        | _ -> Error AuthorizationError.Repeated

    /// Base64 of the standard alphabet with its padding, as UTF-8. A token68 has no blanks, which the platform would skip.
    let private decode (token: string) : string voption =
        let bytes = Array.zeroCreate<byte>(token.Length / 4 * 3)

        match Convert.TryFromBase64String(token, bytes) with
        | true, size when Utf8.IsValid(ReadOnlySpan(bytes, 0, size)) ->
            ValueSome(Encoding.UTF8.GetString(bytes, 0, size))
        | _ -> ValueNone

    /// <summary>Name and password of the scheme Basic: UTF-8, parted at the first colon (RFC 7617 §2).</summary>
    /// <param name="headers">The headers of a request.</param>
    [<CompiledName("Basic")>]
    let basic (headers: Headers) : Result<BasicCredentials, AuthorizationError> =
        match credentials "Basic" headers with
        | Error error -> Error error
        | Ok token ->
            match decode token with
            | ValueSome text when text.Contains ':' && not (Seq.exists Char.IsControl text) ->
                let colon = text.IndexOf ':'

                Ok {
                    Username = text.Substring(0, colon)
                    Password = text.Substring(colon + 1)
                }
            | ValueSome _
            | ValueNone -> Error AuthorizationError.Unsupported

    /// <summary>The token of the scheme Bearer (RFC 6750 §2.1). It is a secret.</summary>
    /// <param name="headers">The headers of a request.</param>
    [<CompiledName("Bearer")>]
    let bearer (headers: Headers) : Result<string, AuthorizationError> = credentials "Bearer" headers

    let private isRealmCharacter (character: char) = character >= ' ' && character <= '~'

    /// A quoted string (RFC 9110 §5.6.4).
    let private quotedRealm (realm: string) : string =
        match Seq.tryFind (isRealmCharacter >> not) realm with
        | None -> "\"" + realm.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\""
        | Some character ->
            raise (
                ArgumentException(
                    $"The realm has the character U+{int character:X4}; it is made of 0x20-0x7E.",
                    nameof realm
                )
            )

    /// <summary>The value of <c>WWW-Authenticate</c> that asks for the scheme Basic in UTF-8 (RFC 7617 §2.1).</summary>
    /// <param name="realm">A name for what is protected, shown to people: printable ASCII, may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    [<CompiledName("BasicChallenge")>]
    let basicChallenge (realm: string) : string =
        $"Basic realm={quotedRealm realm}, charset=\"UTF-8\""

    /// <summary>The value of <c>WWW-Authenticate</c> that asks for the scheme Bearer (RFC 6750 §3).</summary>
    /// <param name="realm">A name for what is protected: printable ASCII, may be empty.</param>
    /// <param name="isInvalid">True when a token was sent that is not valid; false when none was.</param>
    /// <exception cref="T:System.ArgumentException">The realm has another character.</exception>
    [<CompiledName("BearerChallenge")>]
    let bearerChallenge (realm: string) (isInvalid: bool) : string =
        let error = if isInvalid then ", error=\"invalid_token\"" else ""
        $"Bearer realm={quotedRealm realm}{error}"
