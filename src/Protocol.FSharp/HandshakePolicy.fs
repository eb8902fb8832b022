// What a server asks of its clients before a connection opens.
namespace FunctionalWs.Protocol

open System

/// <summary>An origin that may connect (RFC 6455 §10.2).</summary>
[<RequireQualifiedAccess; NoComparison>]
type OriginRule =
    /// <summary>Exactly this origin, such as <c>https://example.com</c>; case matters.</summary>
    | Exact of Origin: string
    /// <summary>Origins for which this is true. It is asked about the value as it came, and must not throw.</summary>
    | Matching of IsMatch: Predicate<string>
    /// <summary>A request without an origin, as programs that aren't browsers send it.</summary>
    | Absent

/// <summary>What a server asks of its clients. Immutable.</summary>
[<NoComparison>]
type HandshakePolicy = {
    /// <summary>The origins that may connect; none to let everyone in.</summary>
    Origins: OriginRule list voption
    /// <summary>Subprotocols in order of preference; empty for none (RFC 6455 §1.9).</summary>
    Subprotocols: string list
    /// <summary>The value of the <c>Server</c> header; none to leave it out.</summary>
    ServerHeader: string voption
} with

    /// <summary>Everyone may connect, without a subprotocol; the <c>Server</c> header is <c>FunctionalWs</c>.</summary>
    static member Default: HandshakePolicy = {
        Origins = ValueNone
        Subprotocols = []
        ServerHeader = ValueSome "FunctionalWs"
    }

/// <summary>What a request that keeps the rules leaves to decide and to answer (RFC 6455 §4.2.1).</summary>
type HandshakeOffer = {
    /// <summary>The value of <c>Sec-WebSocket-Key</c>, as received.</summary>
    Key: string
    /// <summary>The subprotocols that the client offers, in its order of preference; may be empty.</summary>
    Subprotocols: string list
}
