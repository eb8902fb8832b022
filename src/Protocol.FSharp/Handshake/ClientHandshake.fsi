// The client's side of the opening handshake: the contract. No I/O, no random: the key's bytes are an argument.
namespace FunctionalWs.Protocol

open System
open System.Runtime.InteropServices

/// <summary>
/// A request that opens a WebSocket, and what is needed to check its answer. Immutable. Its text is the request line alone: header
/// fields may be secrets.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type ClientRequest =

    /// <summary>Where it goes.</summary>
    member Uri: WebSocketUri

    /// <summary>What it offers.</summary>
    member Offer: ClientOffer

    /// <summary>What is sent: <c>Request.WriteTo</c> makes bytes of it.</summary>
    member Request: Request

    /// <summary>The method, the URI without its userinfo, and the version.</summary>
    override ToString: unit -> string

    member private Text: string

/// <summary>What client and server have agreed on. Immutable.</summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type ClientAgreement =

    internal new:
        subprotocol: string | null * terms: DeflateAgreement voption * agreed: EquatableList<ExtensionOffer> ->
            ClientAgreement

    /// <summary>True when both have agreed on the same.</summary>
    override Equals: other: obj | null -> bool

    /// <summary>A hash code of all of it.</summary>
    override GetHashCode: unit -> int

    /// <summary>The subprotocol that the server chose; null when it chose none (RFC 6455 §1.9).</summary>
    member Subprotocol: string | null

    /// <summary>The terms of <c>permessage-deflate</c>; none when messages aren't compressed (RFC 7692).</summary>
    member Compression: DeflateAgreement voption

    /// <summary>Tells the <c>Compression</c>; false when messages aren't compressed.</summary>
    /// <param name="agreed">The terms.</param>
    member TryGetCompression: [<Out>] agreed: byref<DeflateAgreement> -> bool

    /// <summary>All extensions with the server's parameters, in its order, <c>permessage-deflate</c> included (RFC 6455 §9.1).</summary>
    member Extensions: EquatableList<ExtensionOffer>

    /// <summary>The subprotocol and the extensions.</summary>
    override ToString: unit -> string

    member private Text: string

/// <summary>What an answer means.</summary>
[<RequireQualifiedAccess; NoComparison>]
type ClientResult =
    /// <summary>The connection is open. What follows the head are frames.</summary>
    | Opened of Agreement: ClientAgreement
    /// <summary>
    /// The server is elsewhere: ask there, with <c>ClientOffer.WithoutSecrets</c> unless it is the same origin, and not for ever.
    /// </summary>
    | Redirected of Target: WebSocketUri
    /// <summary>The connection is not opened. Unless the status is 101 a body follows, see <c>BodyReader</c>.</summary>
    | Refused of Error: ClientHandshakeError

/// <summary>The client's side of the opening handshake (RFC 6455 §4.1).</summary>
module ClientHandshake =

    /// <summary>Makes a request. Userinfo of the URI becomes <c>Authorization</c>, unless the offer has one (RFC 7617).</summary>
    /// <param name="key">16 bytes, anew and at random for each connection (RFC 6455 §4.1).</param>
    /// <param name="offer">What the server is asked for.</param>
    /// <param name="uri">Where it goes.</param>
    /// <exception cref="T:System.ArgumentException">The key has another length.</exception>
    [<CompiledName("CreateRequest")>]
    val request: key: ReadOnlySpan<byte> -> offer: ClientOffer -> uri: WebSocketUri -> ClientRequest

    /// <summary>
    /// Decides on an answer: its status, <c>Upgrade</c>, <c>Connection</c> and <c>Sec-WebSocket-Accept</c>, then subprotocol and
    /// extensions (RFC 6455 §4.1). Total: no answer makes it throw.
    /// </summary>
    /// <param name="request">What was asked.</param>
    /// <param name="head">The answer's head, as <c>ResponseReader</c> gives it.</param>
    [<CompiledName("Check")>]
    val check: request: ClientRequest -> head: ResponseHead -> ClientResult

/// <summary>What a proxy's answer means.</summary>
[<RequireQualifiedAccess; NoComparison>]
type TunnelResult =
    /// <summary>The stream leads to the server: TLS and the opening handshake come next (RFC 9110 §9.3.6).</summary>
    | Opened
    /// <summary>There is no tunnel: a body follows, see <c>BodyReader</c>.</summary>
    | Refused of Error: ClientHandshakeError

/// <summary>A tunnel through a proxy of HTTP, which a client uses for <c>ws</c> and <c>wss</c> alike (RFC 6455 §4.1).</summary>
module ProxyTunnel =

    /// <summary>Makes the request that asks a proxy for a tunnel: <c>CONNECT</c> (RFC 9110 §9.3.6).</summary>
    /// <param name="uri">Where the tunnel leads to.</param>
    [<CompiledName("CreateRequest")>]
    val request: uri: WebSocketUri -> Request

    /// <summary>Makes the request and says who the client is for the proxy, by the scheme Basic (RFC 9110 §11.7.2).</summary>
    /// <param name="credentials">Name and password for the proxy.</param>
    /// <param name="uri">Where the tunnel leads to.</param>
    /// <exception cref="T:System.ArgumentException">The name has a colon, or one of them a control character.</exception>
    [<CompiledName("CreateAuthorizedRequest")>]
    val authorizedRequest: credentials: BasicCredentials -> uri: WebSocketUri -> Request

    /// <summary>Decides on a proxy's answer: any status from 200 to 299 opens the tunnel. Total.</summary>
    /// <param name="head">The answer's head, as <c>ResponseReader</c> gives it.</param>
    [<CompiledName("Check")>]
    val check: head: ResponseHead -> TunnelResult

type ClientAgreement with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ClientAgreement | null) * right: (ClientAgreement | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ClientAgreement | null) * right: (ClientAgreement | null) -> bool

type ClientResult with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ClientResult | null) * right: (ClientResult | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ClientResult | null) * right: (ClientResult | null) -> bool

type TunnelResult with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (TunnelResult | null) * right: (TunnelResult | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (TunnelResult | null) * right: (TunnelResult | null) -> bool
