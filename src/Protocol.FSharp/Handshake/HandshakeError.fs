// Everything that can be wrong with an opening handshake: the status it is answered with, its section, and a sentence about it.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>A rule of the opening handshake that a client's request breaks (RFC 6455 §4.2.1).</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Description}")>]
type HandshakeError =
    /// <summary>The method is not GET (RFC 6455 §4.2.1).</summary>
    | Method of Method: string
    /// <summary>The request is of HTTP/1.0 (RFC 6455 §4.2.1).</summary>
    | HttpVersion of Version: string
    /// <summary>
    /// The target is neither a path nor an absolute URI of HTTP or of a WebSocket, or it has a fragment (RFC 9112 §3.2).
    /// </summary>
    | Target of Target: string
    /// <summary>A header that must be there is missing.</summary>
    | HeaderMissing of Name: string
    /// <summary>A header that must be there once comes several times.</summary>
    | HeaderRepeated of Name: string
    /// <summary>A header's value doesn't fit its grammar.</summary>
    | HeaderFormat of Name: string * Value: string * Error: GrammarError
    /// <summary>The value of <c>Host</c>, or the host of an absolute target, is no host with an optional port (RFC 9110 §7.2).</summary>
    | Host of Value: string
    /// <summary><c>Connection</c> has no <c>Upgrade</c>; null when it is missing (RFC 6455 §4.2.1).</summary>
    | Connection of Value: (string | null)
    /// <summary><c>Upgrade</c> has no <c>websocket</c>; null when it is missing (RFC 6455 §4.2.1).</summary>
    | Upgrade of Value: (string | null)
    /// <summary>The key is not 16 bytes in Base64 (RFC 6455 §4.2.1).</summary>
    | Key of Value: string
    /// <summary>The version of the protocol is not 13; null when it is missing (RFC 6455 §4.4).</summary>
    | Version of Value: (string | null)
    /// <summary>The origin may not connect; null when the request has none (RFC 6455 §10.2).</summary>
    | Origin of Value: (string | null)
    /// <summary>The client offers none of the subprotocols that the server has (RFC 6455 §1.9).</summary>
    | Subprotocol of Supported: EquatableList<string>

    static member private SectionOf(header: string) : RfcSection =
        match header with
        | "Host" -> { Rfc = 9112; Section = "3.2" }
        | "Origin" -> { Rfc = 6455; Section = "10.2" }
        | "Sec-WebSocket-Extensions" -> { Rfc = 6455; Section = "9.1" }
        | "Sec-WebSocket-Protocol" -> { Rfc = 6455; Section = "1.9" }
        | _ -> { Rfc = 6455; Section = "4.2.1" }

    /// What a header says instead of what it should.
    static member private Instead (name: string) (value: string | null) (needed: string) : string =
        match value with
        | Null -> Invariant $"The header {name} is missing."
        | NonNull value -> Invariant $"The header {name} {needed}: {PeerText.quote value}."

    /// One line for each error: status, section, sentence.
    member private error.Facts: struct (int * RfcSection * string) =
        let of6455 section = { Rfc = 6455; Section = section }
        let section = HandshakeError.SectionOf
        let quote = PeerText.quote
        let instead = HandshakeError.Instead
        let noUpgrade = "doesn't ask for a WebSocket"

        match error with
        | Method name ->
            405, of6455 "4.2.1", Invariant $"The method is {quote name}; a WebSocket is opened with GET."
        | HttpVersion version ->
            505, of6455 "4.2.1", Invariant $"The version is {quote version}; a WebSocket needs HTTP/1.1."
        | Target target ->
            400, { Rfc = 9112; Section = "3.2" }, Invariant $"The target {quote target} is not valid."
        | HeaderMissing name -> 400, section name, Invariant $"The header {name} is missing."
        | HeaderRepeated name -> 400, section name, Invariant $"The header {name} comes more than once."
        | HeaderFormat(name, value, error) ->
            let place = PeerText.number error.Position

            400,
            section name,
            Invariant $"The header {name} needs {error.Expected} at position {place} of {quote value}."
        | Host value ->
            400, { Rfc = 9110; Section = "7.2" }, Invariant $"This is no valid host: {quote value}."
        | Connection value -> 426, of6455 "4.2.1", instead "Connection" value noUpgrade
        | Upgrade value -> 426, of6455 "4.2.1", instead "Upgrade" value noUpgrade
        | Key value ->
            400,
            of6455 "4.2.1",
            Invariant $"The header Sec-WebSocket-Key is not 16 bytes in Base64: {quote value}."
        | Version value -> 400, of6455 "4.4", instead "Sec-WebSocket-Version" value "is not 13"
        | Origin Null -> 403, of6455 "10.2", "A request without Origin is not allowed."
        | Origin(NonNull origin) -> 403, of6455 "10.2", Invariant $"The origin {quote origin} is not allowed."
        | Subprotocol supported ->
            let names = String.concat ", " supported
            400, of6455 "1.9", Invariant $"One of these subprotocols is needed: {names}."

    /// <summary>The status that the client is answered with.</summary>
    member error.StatusCode: int =
        let struct (status, _, _) = error.Facts
        status

    /// <summary>Where the rule is written down.</summary>
    member error.Section: RfcSection =
        let struct (_, section, _) = error.Facts
        section

    /// <summary>A sentence of one line; what the client wrote is escaped and cut.</summary>
    member error.Description: string =
        let struct (_, _, description) = error.Facts
        description

    /// <summary>The <c>Description</c>.</summary>
    override error.ToString() : string = error.Description

type HandshakeError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: HandshakeError | null, right: HandshakeError | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: HandshakeError | null, right: HandshakeError | null) : bool =
        not (obj.Equals(left, right))
