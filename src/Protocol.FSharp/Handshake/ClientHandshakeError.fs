// Everything that can be wrong with the answer to a client's opening handshake (RFC 6455 §4.1).
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>Why an answer opens no connection (RFC 6455 §4.1, RFC 9110).</summary>
[<RequireQualifiedAccess; NoComparison>]
type ClientHandshakeError =
    /// <summary>The server answers with a status that isn't 101, and that nothing more is known about.</summary>
    | Status of StatusCode: int
    /// <summary>
    /// The server (401) or a proxy (407) wants the client to prove itself; challenges that can't be read are left out (RFC 9110
    /// §11).
    /// </summary>
    | AuthenticationRequired of StatusCode: int * Challenges: AuthChallenges
    /// <summary>The server redirects to a place that can't be read, or that is none of a WebSocket (RFC 9110 §10.2.2).</summary>
    | Location of StatusCode: int * Error: UriError
    /// <summary>The server redirects from <c>wss</c> to <c>ws</c>, which would give away what is secret.</summary>
    | InsecureLocation of Target: WebSocketUri
    /// <summary>The answer is of HTTP/1.0.</summary>
    | HttpVersion of Version: string
    /// <summary>A header that must be there is missing.</summary>
    | HeaderMissing of Name: string
    /// <summary>A header that must be there once, or once at most, comes several times.</summary>
    | HeaderRepeated of Name: string
    /// <summary>A header's value doesn't fit its grammar.</summary>
    | HeaderFormat of Name: string * Value: string * Error: GrammarError
    /// <summary><c>Upgrade</c> is not <c>websocket</c>, or <c>Connection</c> has no <c>upgrade</c> in it.</summary>
    | NotUpgrade of Name: string * Value: string
    /// <summary><c>Sec-WebSocket-Accept</c> doesn't go with the key: the server has not understood the handshake.</summary>
    | Accept of Value: string
    /// <summary>The server chooses a subprotocol that was not offered.</summary>
    | Subprotocol of Name: string
    /// <summary>The server agrees to an extension that was not offered (RFC 6455 §9.1).</summary>
    | Extension of Name: string
    /// <summary>The server agrees to an extension twice.</summary>
    | ExtensionRepeated of Name: string
    /// <summary>The answer about <c>permessage-deflate</c> doesn't go with what was offered (RFC 7692 §7.1).</summary>
    | Deflate of Refusal: DeflateRefusal

    /// <summary>A sentence of one line; what the server wrote is escaped and cut.</summary>
    override error.ToString() =
        match error with
        | Status statusCode -> Invariant $"The server answered with status {PeerText.number statusCode}."
        | AuthenticationRequired(statusCode, challenges) ->
            Invariant
                $"Status {PeerText.number statusCode} asks for credentials, or for others: {challenges}."
        | Location(statusCode, error) ->
            Invariant $"Status {PeerText.number statusCode} redirects to what is no WebSocket. {error}"
        | InsecureLocation target ->
            Invariant $"The server redirects from wss to ws: {PeerText.quote (target.ToString())}."
        | HttpVersion version ->
            Invariant $"The answer is of {PeerText.quote version}; a WebSocket needs HTTP/1.1."
        | HeaderMissing name -> Invariant $"The header {name} is missing."
        | HeaderRepeated name -> Invariant $"The header {name} comes more than once."
        | HeaderFormat(name, value, error) ->
            Invariant
                $"The header {name} needs {error.Expected} at position {PeerText.number error.Position} of {PeerText.quote value}."
        | NotUpgrade(name, value) ->
            Invariant $"The header {name} doesn't switch to a WebSocket: {PeerText.quote value}."
        | Accept value ->
            Invariant $"The header Sec-WebSocket-Accept doesn't go with the key: {PeerText.quote value}."
        | Subprotocol name -> Invariant $"The subprotocol {PeerText.quote name} was not offered."
        | Extension name -> Invariant $"The extension {PeerText.quote name} was not offered."
        | ExtensionRepeated name -> Invariant $"The extension {PeerText.quote name} comes more than once."
        | Deflate refusal -> Invariant $"The answer about permessage-deflate is refused: {refusal}"

type ClientHandshakeError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: ClientHandshakeError | null, right: ClientHandshakeError | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality
        (left: ClientHandshakeError | null, right: ClientHandshakeError | null)
        : bool =
        not (obj.Equals(left, right))
