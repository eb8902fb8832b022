// What a client asks for in its opening handshake, beside the URI (RFC 6455 §4.1).
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Text
open type System.FormattableString

/// The value of `Authorization` or `Proxy-Authorization` (RFC 7617 §2).
module internal BasicAuthorization =

    let ofCredentials (credentials: BasicCredentials) : string =
        let text = String.Concat(credentials.Username, ":", credentials.Password)

        if credentials.Username.Contains ':' || Seq.exists Char.IsControl text then
            raise (
                ArgumentException(
                    "A user's name has no colon, and neither name nor password has control characters.",
                    nameof credentials
                )
            )

        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes text)

/// What an offer has: nobody else makes one, or changes one, since what is in it has been checked.
type internal Offered = {
    Site: string | null
    Protocols: string list
    Deflate: DeflateOffer voption
    Others: ExtensionOffer list
    Fields: Headers
}

/// <summary>
/// What a client asks a server for: changed by the members that begin with <c>With</c>, which give a new one. Immutable; what can't
/// be sent is refused when it is set. Its text names headers without their values, which may be secrets.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type ClientOffer private (offered: Offered) =

    member private _.Offered = offered

    /// <summary>True when both ask for the same.</summary>
    override offer.Equals(other: obj | null) : bool =
        match other with
        | :? ClientOffer as other -> offer.Offered = other.Offered
        | _ -> false

    /// <summary>A hash code of all of it.</summary>
    override offer.GetHashCode() : int = hash offer.Offered

    /// <summary>No origin, no subprotocol, no extension, and <c>User-Agent: FunctionalWs</c>.</summary>
    static member Default: ClientOffer =
        ClientOffer {
            Site = null
            Protocols = []
            Deflate = ValueNone
            Others = []
            Fields = Headers.Empty.Add("User-Agent", "FunctionalWs")
        }

    /// <summary>The origin that a browser would tell; null for none, the default (RFC 6455 §10.2).</summary>
    member offer.Origin: string | null = offered.Site

    /// <summary>The subprotocols, the one it likes best first; none by default (RFC 6455 §1.9).</summary>
    member offer.Subprotocols: IReadOnlyList<string> = offered.Protocols :> _

    /// <summary>What is offered of <c>permessage-deflate</c>; none by default (RFC 7692).</summary>
    member offer.Compression: DeflateOffer voption = offered.Deflate

    /// <summary>Tells the <c>Compression</c>; false when none is offered.</summary>
    /// <param name="deflate">What is offered of it.</param>
    member offer.TryGetCompression([<Out>] deflate: byref<DeflateOffer>) : bool =
        ValueOption.tryGet offered.Deflate &deflate

    /// <summary>The other extensions that are offered, after <c>permessage-deflate</c>; none by default (RFC 6455 §9.1).</summary>
    member offer.Extensions: IReadOnlyList<ExtensionOffer> = offered.Others :> _

    /// <summary>Header fields beside those of the handshake.</summary>
    member offer.Headers: Headers = offered.Fields

    /// All extensions as they are offered.
    member internal offer.AllExtensions: ExtensionOffer list =
        match offered.Deflate with
        | ValueSome deflate -> deflate.Alternatives @ offered.Others
        | ValueNone -> offered.Others

    /// <summary>The offer with an origin.</summary>
    /// <param name="origin">Such as <c>https://example.com</c>: text of visible ASCII characters.</param>
    /// <exception cref="T:System.ArgumentException">The text can't be an origin.</exception>
    member offer.WithOrigin(origin: string) : ClientOffer =
        ArgumentNullException.ThrowIfNull(origin, nameof origin)

        if origin = "" || origin.AsSpan().ContainsAnyExceptInRange('!', '~') then
            raise (
                ArgumentException(
                    Invariant $"{PeerText.quote origin} is no origin: it takes one or more of 0x21-0x7E.",
                    nameof origin
                )
            )

        ClientOffer { offered with Site = origin }

    /// <summary>The offer with these subprotocols instead of its own.</summary>
    /// <param name="subprotocols">Tokens, each once, the one that is liked best first; may be empty.</param>
    /// <exception cref="T:System.ArgumentException">One is no token, or comes twice (RFC 6455 §4.1).</exception>
    member offer.WithSubprotocols([<ParamArray>] subprotocols: string[]) : ClientOffer =
        ArgumentNullException.ThrowIfNull(subprotocols, nameof subprotocols)

        for name in subprotocols do
            ArgumentNullException.ThrowIfNull(name, nameof subprotocols)

            if not (HeaderSyntax.isToken name) then
                raise (
                    ArgumentException(
                        Invariant
                            $"{PeerText.quote name} is no subprotocol: it takes one or more token characters.",
                        nameof subprotocols
                    )
                )

            if subprotocols |> Array.filter ((=) name) |> Array.length > 1 then
                raise (
                    ArgumentException(
                        Invariant $"The subprotocol {PeerText.quote name} comes twice.",
                        nameof subprotocols
                    )
                )

        ClientOffer {
            offered with
                Protocols = List.ofArray subprotocols
        }

    /// <summary>The offer with <c>permessage-deflate</c>.</summary>
    /// <param name="deflate">What is offered of it.</param>
    member offer.WithCompression(deflate: DeflateOffer) : ClientOffer =
        ArgumentNullException.ThrowIfNull(deflate, nameof deflate)

        ClientOffer {
            offered with
                Deflate = ValueSome deflate
        }

    /// <summary>The offer without <c>permessage-deflate</c>.</summary>
    member offer.WithoutCompression() : ClientOffer =
        ClientOffer { offered with Deflate = ValueNone }

    /// <summary>The offer with one more extension after its own.</summary>
    /// <param name="name">The extension's name: a token, but not <c>permessage-deflate</c>.</param>
    /// <param name="parameters">Its parameters: names and values are tokens.</param>
    /// <exception cref="T:System.ArgumentException">A name or a value is no token, or it is <c>permessage-deflate</c>.</exception>
    member offer.WithExtension(name: string, [<ParamArray>] parameters: ExtensionParameter[]) : ClientOffer =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        ArgumentNullException.ThrowIfNull(parameters, nameof parameters)

        let check (parameter: string) (text: string) =
            if not (HeaderSyntax.isToken text) then
                raise (ArgumentException(Invariant $"{PeerText.quote text} is no token.", parameter))

        check (nameof name) name

        for parameter in parameters do
            check (nameof parameters) parameter.Name
            ValueOption.iter (check (nameof parameters)) (ValueOption.ofObj parameter.Value)

        if name = DeflateNegotiation.Name then
            raise (ArgumentException("permessage-deflate is offered by WithCompression.", nameof name))

        ClientOffer {
            offered with
                Others = offered.Others @ [ ExtensionOffer.Create(name, parameters) ]
        }

    /// Why a header isn't the caller's to set; none when it is.
    static member private Owner(name: string) : string voption =
        match name.ToLowerInvariant() with
        | "origin" -> ValueSome "set it with WithOrigin"
        | "sec-websocket-protocol" -> ValueSome "set it with WithSubprotocols"
        | "sec-websocket-extensions" -> ValueSome "set it with WithCompression or WithExtension"
        | "proxy-authorization" -> ValueSome "it is for the proxy alone: give the credentials to ProxyTunnel"
        | "host"
        | "connection"
        | "upgrade"
        | "sec-websocket-key"
        | "sec-websocket-version"
        | "sec-websocket-accept" -> ValueSome "the opening handshake sets it"
        | "content-length"
        | "transfer-encoding"
        | "te"
        | "trailer"
        | "expect"
        | "keep-alive"
        | "proxy-connection" -> ValueSome "the opening handshake has no body and keeps the connection"
        | _ -> ValueNone

    static member private CheckOwner(name: string) =
        ArgumentNullException.ThrowIfNull(name, nameof name)

        match ClientOffer.Owner name with
        | ValueSome reason ->
            raise (ArgumentException(Invariant $"The header {name} can't be set: {reason}.", nameof name))
        | ValueNone -> ()

    /// <summary>The offer with one value of a header field, instead of any it had.</summary>
    /// <param name="name">A token; not the name of a header that the handshake sets by itself.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The header is the handshake's own, or name or value have a character that they can't have.
    /// </exception>
    member offer.WithHeader(name: string, value: string) : ClientOffer =
        ClientOffer.CheckOwner name

        ClientOffer {
            offered with
                Fields = offered.Fields.Set(name, value)
        }

    /// <summary>The offer with one more header field, beside any of its name.</summary>
    /// <param name="name">A token; not the name of a header that the handshake sets by itself.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The header is the handshake's own, or name or value have a character that they can't have.
    /// </exception>
    member offer.WithAddedHeader(name: string, value: string) : ClientOffer =
        ClientOffer.CheckOwner name

        ClientOffer {
            offered with
                Fields = offered.Fields.Add(name, value)
        }

    /// <summary>The offer with <c>Authorization</c> of the scheme Basic, instead of any it had (RFC 7617).</summary>
    /// <param name="credentials">Name and password.</param>
    /// <exception cref="T:System.ArgumentException">The name has a colon, or one of them a control character.</exception>
    member offer.WithCredentials(credentials: BasicCredentials) : ClientOffer =
        ArgumentNullException.ThrowIfNull(credentials, nameof credentials)

        offer.WithHeader("Authorization", BasicAuthorization.ofCredentials credentials)

    /// <summary>The offer without the header fields of a name.</summary>
    /// <param name="name">The name, in any case.</param>
    member offer.WithoutHeader(name: string) : ClientOffer =
        ClientOffer {
            offered with
                Fields = offered.Fields.Remove name
        }

    /// <summary>
    /// The offer without <c>Authorization</c> and <c>Cookie</c>: for a server that another one has redirected to (RFC 9110 §15.4).
    /// </summary>
    member offer.WithoutSecrets() : ClientOffer =
        offer.WithoutHeader("Authorization").WithoutHeader("Cookie")

    member private offer.Text =
        let names = offered.Fields |> Seq.map _.Key |> String.concat ", "
        let extensions = HeaderGrammar.renderExtensions offer.AllExtensions
        let subprotocols = String.concat ", " offered.Protocols
        let origin = offered.Site |> ValueOption.ofObj |> ValueOption.defaultValue "none"

        Invariant
            $"origin: {origin}; subprotocols: [{subprotocols}]; extensions: [{extensions}]; headers: [{names}]"

    /// <summary>What is offered, with the names of headers alone.</summary>
    override offer.ToString() = offer.Text

type ClientOffer with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: ClientOffer | null, right: ClientOffer | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: ClientOffer | null, right: ClientOffer | null) : bool =
        not (obj.Equals(left, right))
