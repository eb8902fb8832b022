// What a server asks of its clients before a connection opens.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open type System.FormattableString

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
[<Sealed; AllowNullLiteral(false)>]
type HandshakePolicy
    /// <summary>Makes a policy; without arguments everyone may connect, without a subprotocol.</summary>
    /// <param name="origins">The origins that may connect; null to let everyone in. Empty lets nobody in.</param>
    /// <param name="subprotocols">Subprotocols in order of preference, tokens; null or empty for none (RFC 6455 §1.9).</param>
    /// <param name="serverHeader">The value of the <c>Server</c> header; null or empty to leave it out.</param>
    /// <param name="readsExtensions">True for a server that has extensions: then clients' offers are read (RFC 6455 §9.1).</param>
    /// <param name="needsConnectionUpgrade">
    /// False to let in clients that forget <c>Connection: Upgrade</c>. RFC 6455 §4.2.1 demands it, and so tells who wants a
    /// WebSocket from whose <c>Upgrade</c> an old proxy passed on blindly: only for servers that no such proxy stands before.
    /// </param>
    /// <exception cref="T:System.ArgumentException">A subprotocol is no token, or the header can't have the value.</exception>
    /// <exception cref="T:System.ArgumentNullException">A rule, what it consists of, or a subprotocol is null.</exception>
    (
        [<Optional; DefaultParameterValue(null: OriginRule seq | null)>] origins: OriginRule seq | null,
        [<Optional; DefaultParameterValue(null: string seq | null)>] subprotocols: string seq | null,
        [<Optional; DefaultParameterValue("FunctionalWs")>] serverHeader: string | null,
        [<Optional; DefaultParameterValue(false)>] readsExtensions: bool,
        [<Optional; DefaultParameterValue(true)>] needsConnectionUpgrade: bool
    ) =

    static let standard = HandshakePolicy()

    let toList (items: 'item seq | null) : 'item list =
        match items with
        | Null -> []
        | NonNull items -> List.ofSeq items

    let subprotocols = toList subprotocols

    let origins: OriginRule list voption =
        match origins with
        | Null -> ValueNone
        | NonNull origins -> ValueSome(List.ofSeq origins)

    /// A union takes null as well: a rule without its origin would let nobody in, or fail each handshake.
    static let checkOrigin (rule: OriginRule) : unit =
        ArgumentNullException.ThrowIfNull(rule, "origins")

        match rule with
        | OriginRule.Exact origin -> ArgumentNullException.ThrowIfNull(origin, "origins")
        | OriginRule.Matching isMatch -> ArgumentNullException.ThrowIfNull(isMatch, "origins")
        | OriginRule.Absent -> ()

    do
        ValueOption.iter (List.iter checkOrigin) origins

        for name in subprotocols do
            ArgumentNullException.ThrowIfNull(name, nameof subprotocols)

            if not (HeaderSyntax.isToken name) then
                raise (
                    ArgumentException(
                        Invariant $"{PeerText.quote name} is no subprotocol: one is a token.",
                        nameof subprotocols
                    )
                )

        match serverHeader with
        | NonNull value when not (HeaderSyntax.isValue value) ->
            raise (
                ArgumentException(
                    Invariant $"No header has the value {PeerText.quote value}.",
                    nameof serverHeader
                )
            )
        | _ -> ()

    /// <summary>Everyone may connect, without a subprotocol; the <c>Server</c> header is <c>FunctionalWs</c>.</summary>
    static member Default: HandshakePolicy = standard

    /// <summary>The subprotocols, in order of preference.</summary>
    member _.Subprotocols: IReadOnlyList<string> = subprotocols

    /// <summary>The value of the <c>Server</c> header; null or empty to leave it out.</summary>
    member _.ServerHeader: string | null = serverHeader

    member private _.All: struct (OriginRule list voption * string list * (string | null) * bool * bool) =
        origins, subprotocols, serverHeader, readsExtensions, needsConnectionUpgrade

    /// <summary>True when both ask for the same; predicates of origins are compared as objects.</summary>
    override policy.Equals(other: obj | null) : bool =
        match other with
        | :? HandshakePolicy as other -> policy.All = other.All
        | _ -> false

    /// <summary>A hash code of all that is asked for.</summary>
    override policy.GetHashCode() : int = hash policy.All

    /// <summary>How many origins may connect, the subprotocols and the <c>Server</c> header.</summary>
    override _.ToString() : string =
        let allowed =
            match origins with
            | ValueNone -> "any"
            | ValueSome rules -> PeerText.number rules.Length

        let names = String.Join(", ", subprotocols)
        Invariant $"origins: {allowed}; subprotocols: [{names}]; Server: {serverHeader}"

    member internal _.Names: string list = subprotocols
    member internal _.Origins: OriginRule list voption = origins
    member internal _.ReadsExtensions: bool = readsExtensions
    member internal _.NeedsConnectionUpgrade: bool = needsConnectionUpgrade

/// <summary>What a request that keeps the rules leaves to decide and to answer (RFC 6455 §4.2.1).</summary>
type HandshakeOffer = {
    /// <summary>The value of <c>Sec-WebSocket-Key</c>, as received.</summary>
    Key: string
    /// <summary>The subprotocols that the client offers, in its order of preference; may be empty.</summary>
    Subprotocols: EquatableList<string>
    /// <summary>The first subprotocol of the policy that the client offers; null when the policy has none.</summary>
    Subprotocol: string | null
    /// <summary>The extensions that the client offers, in its order of preference; empty where the policy reads none.</summary>
    Extensions: EquatableList<ExtensionOffer>
}

type OriginRule with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: OriginRule | null, right: OriginRule | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: OriginRule | null, right: OriginRule | null) : bool =
        not (obj.Equals(left, right))

type HandshakePolicy with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: HandshakePolicy | null, right: HandshakePolicy | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: HandshakePolicy | null, right: HandshakePolicy | null) : bool =
        not (obj.Equals(left, right))

type HandshakeOffer with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: HandshakeOffer | null, right: HandshakeOffer | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: HandshakeOffer | null, right: HandshakeOffer | null) : bool =
        not (obj.Equals(left, right))
