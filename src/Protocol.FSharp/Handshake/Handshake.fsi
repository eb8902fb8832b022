// The opening handshake: a request and a policy give a response (RFC 6455 §4). The clock's value is an argument.
namespace FunctionalWs.Protocol

open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

open System

/// <summary>What the rules make of a request.</summary>
[<RequireQualifiedAccess>]
type HandshakeExamination =
    /// <summary>It keeps all rules.</summary>
    | Kept of Offer: HandshakeOffer
    /// <summary>It breaks one.</summary>
    | Broken of Error: HandshakeError

/// <summary>What becomes of a request. Either way the response is to be sent; it is complete.</summary>
[<RequireQualifiedAccess; NoComparison>]
type HandshakeResult =
    /// <summary>The connection is open once the response is sent. The subprotocol is null when there is none.</summary>
    | Accepted of Response: Response * Subprotocol: (string | null)
    /// <summary>The connection ends once the response is sent.</summary>
    | Rejected of Response: Response * Error: HandshakeError

    /// <summary>What is to be sent, whatever became of the request.</summary>
    member Response: Response

/// <summary>
/// The server's side of the opening handshake (RFC 6455 §4.2): <c>Respond</c> as a whole, or step by step, for servers that
/// choose subprotocols and extensions themselves: <c>Examine</c>, then <c>Accept</c> or <c>Reject</c>, then
/// <c>Answer.Complete</c>.
/// </summary>
module Handshake =

    /// <summary>The value of <c>Sec-WebSocket-Accept</c> that answers a key (RFC 6455 §4.2.2).</summary>
    /// <param name="key">The value of <c>Sec-WebSocket-Key</c> as received.</param>
    [<CompiledName("AcceptKey")>]
    val acceptKey: key: string -> string

    /// <summary>True for a name, an IPv4 address or an IPv6 address in brackets, with an optional port (RFC 9110 §7.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsHost")>]
    val isHost: text: string -> bool

    /// <summary>
    /// The host that a request is for, with its port if it tells one, as the client wrote it: that of an absolute target,
    /// whatever <c>Host</c> says, else that of <c>Host</c> (RFC 9112 §3.2).
    /// </summary>
    /// <param name="request">The request.</param>
    [<CompiledName("HostOf")>]
    val hostOf: request: Request -> Result<string, HandshakeError>

    /// <summary>The host that a request is for, as <c>HostOf</c> tells it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="host">The host; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryHostOf")>]
    val tryHostOf:
        request: Request *
        [<Out; NotNullWhen(true)>] host: byref<string | null> *
        [<Out>] error: byref<HandshakeError> ->
            bool

    /// <summary>
    /// The extensions that a client offers, in its order of preference; may be empty. For servers that have some: others
    /// need not look (RFC 6455 §9.1).
    /// </summary>
    /// <param name="request">The request.</param>
    [<CompiledName("OfferedExtensions")>]
    val offeredExtensions: request: Request -> Result<EquatableList<ExtensionOffer>, HandshakeError>

    /// <summary>The extensions that a client offers, as <c>OfferedExtensions</c> tells them.</summary>
    /// <param name="request">The request.</param>
    /// <param name="extensions">The extensions; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryOfferedExtensions")>]
    val tryOfferedExtensions:
        request: Request *
        [<Out; NotNullWhen(true)>] extensions: byref<EquatableList<ExtensionOffer> | null> *
        [<Out>] error: byref<HandshakeError> ->
            bool

    /// <summary>
    /// Checks a request by every rule of RFC 6455 §4.2.1 in order, then its origin, its subprotocols and, where the policy
    /// reads them, its extensions.
    /// </summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Examine")>]
    val examine: policy: HandshakePolicy -> request: Request -> HandshakeExamination

    /// <summary>The response that opens the connection, to be completed (RFC 6455 §4.2.2).</summary>
    /// <param name="offer">What the client offered.</param>
    /// <param name="subprotocol">The subprotocol that was chosen, a token; null to choose none.</param>
    /// <param name="extensions">The extensions that were agreed on, with their parameters, in the order of the offers.</param>
    /// <exception cref="T:System.ArgumentException">The subprotocol or an extension can't be a header's value.</exception>
    [<CompiledName("Accept")>]
    val accept:
        offer: HandshakeOffer -> subprotocol: (string | null) -> extensions: ExtensionOffer seq -> Response

    /// <summary>The response to a request that can't be accepted, to be completed. It has what a client needs to do better.</summary>
    /// <param name="error">What is wrong with the request.</param>
    [<CompiledName("Reject")>]
    val reject: error: HandshakeError -> Response

    /// <summary>The response to what is like a request, but can't be parsed, to be completed.</summary>
    /// <param name="error">What is wrong with the head.</param>
    [<CompiledName("RejectHead")>]
    val rejectHead: error: HeadError -> Response

    /// <summary>
    /// Decides on a request: every check of RFC 6455 §4.2.1 in order, then origin and subprotocol. No extension is agreed
    /// on: that takes the steps one by one, with <c>DeflateNegotiation</c>.
    /// </summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Respond")>]
    val respond: policy: HandshakePolicy -> now: DateTimeOffset -> request: Request -> HandshakeResult

type HandshakeExamination with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality:
        left: (HandshakeExamination | null) * right: (HandshakeExamination | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality:
        left: (HandshakeExamination | null) * right: (HandshakeExamination | null) -> bool

type HandshakeResult with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (HandshakeResult | null) * right: (HandshakeResult | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (HandshakeResult | null) * right: (HandshakeResult | null) -> bool
