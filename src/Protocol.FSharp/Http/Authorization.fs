// Who a client says it is: the schemes Basic (RFC 7617) and Bearer (RFC 6750), and what they are asked for with.
// Nothing is compared here: that takes care of its own.
namespace FunctionalWs.Protocol

open System
open System.Text
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
open System.Text.Unicode
open type System.FormattableString

[<NoComparison; StructuredFormatDisplay("{Text}")>]
type BasicCredentials = {
    Username: string
    Password: string
} with

    member private credentials.Text = Invariant $"{credentials.Username}:***"

    override credentials.ToString() = credentials.Text

[<RequireQualifiedAccess>]
type AuthorizationError =
    | Missing
    | Repeated
    | Unsupported

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

    [<CompiledName("Basic")>]
    let basic (headers: Headers) : Result<BasicCredentials, AuthorizationError> =
        ArgumentNullException.ThrowIfNull(headers, nameof headers)

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

    [<CompiledName("TryBasic")>]
    let tryBasic
        (
            headers: Headers,
            [<Out; NotNullWhen(true)>] credentials: byref<BasicCredentials | null>,
            [<Out>] error: byref<AuthorizationError>
        ) : bool =
        Result.tryGet (basic headers) &credentials &error


    [<CompiledName("Bearer")>]
    let bearer (headers: Headers) : Result<string, AuthorizationError> =
        ArgumentNullException.ThrowIfNull(headers, nameof headers)
        credentials "Bearer" headers

    [<CompiledName("TryBearer")>]
    let tryBearer
        (
            headers: Headers,
            [<Out; NotNullWhen(true)>] token: byref<string | null>,
            [<Out>] error: byref<AuthorizationError>
        ) : bool =
        Result.tryGet (bearer headers) &token &error


    let private isRealmCharacter (character: char) = character >= ' ' && character <= '~'

    /// A quoted string (RFC 9110 §5.6.4).
    let private quotedRealm (realm: string) : string =
        match Seq.tryFind (isRealmCharacter >> not) realm with
        | None -> HeaderLexer.quote realm
        | Some character ->
            raise (
                ArgumentException(
                    Invariant $"The realm has the character U+{int character:X4}; it is made of 0x20-0x7E.",
                    nameof realm
                )
            )

    [<CompiledName("BasicChallenge")>]
    let basicChallenge (realm: string) : string =
        ArgumentNullException.ThrowIfNull(realm, nameof realm)

        Invariant $"Basic realm={quotedRealm realm}, charset=\"UTF-8\""

    [<CompiledName("BearerChallenge")>]
    let bearerChallenge (realm: string) (isInvalid: bool) : string =
        ArgumentNullException.ThrowIfNull(realm, nameof realm)

        let error = if isInvalid then ", error=\"invalid_token\"" else ""
        Invariant $"Bearer realm={quotedRealm realm}{error}"

type BasicCredentials with

    static member op_Equality(left: BasicCredentials | null, right: BasicCredentials | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: BasicCredentials | null, right: BasicCredentials | null) : bool =
        not (obj.Equals(left, right))

type AuthorizationError with

    static member op_Equality(left: AuthorizationError | null, right: AuthorizationError | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: AuthorizationError | null, right: AuthorizationError | null) : bool =
        not (obj.Equals(left, right))
