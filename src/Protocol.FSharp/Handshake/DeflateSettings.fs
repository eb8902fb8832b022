// What each side wants of permessage-deflate, what both agree on, and why they don't (RFC 7692 §7.1).
namespace FunctionalWs.Protocol

open System
open System.Globalization
open type System.FormattableString

/// The parameters by name, and how they are written (RFC 7692 §7.1).
module internal DeflateParameter =

    [<Literal>]
    let Extension = "permessage-deflate"

    [<Literal>]
    let ServerForgets = "server_no_context_takeover"

    [<Literal>]
    let ClientForgets = "client_no_context_takeover"

    [<Literal>]
    let ServerBits = "server_max_window_bits"

    [<Literal>]
    let ClientBits = "client_max_window_bits"

    let flag (name: string) (isSet: bool) : ExtensionParameter list =
        if isSet then [ { Name = name; Value = null } ] else []

    let limit (name: string) (bits: int voption) : ExtensionParameter list =
        match bits with
        | ValueSome bits -> [
            {
                Name = name
                Value = bits.ToString CultureInfo.InvariantCulture
            }
          ]
        | ValueNone -> []

module internal DeflateWindow =

    /// A caller's window, as a power of two.
    let check (name: string) (least: int) (bits: Nullable<int>) : unit =
        if bits.HasValue && (bits.Value < least || bits.Value > 15) then
            raise (ArgumentOutOfRangeException(name, bits.Value, Invariant $"{name} is from {least} to 15."))

/// <summary>What a server wants of <c>permessage-deflate</c>. Immutable, and checked when it is made.</summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type DeflatePolicy
    private
    (
        serverForgets: bool,
        clientForgets: bool,
        serverBits: int voption,
        clientBits: int voption,
        isRequired: bool
    ) =

    member internal _.ServerForgets = serverForgets
    member internal _.ClientForgets = clientForgets
    member internal _.ServerBits = serverBits
    member internal _.ClientBits = clientBits
    member internal _.RequiresClientBits = isRequired

    member private _.All: struct (bool * bool * int voption * int voption * bool) =
        serverForgets, clientForgets, serverBits, clientBits, isRequired

    /// <summary>True when both want the same.</summary>
    override policy.Equals(other: obj | null) : bool =
        match other with
        | :? DeflatePolicy as other -> policy.All = other.All
        | _ -> false

    /// <summary>A hash code of all that is wanted.</summary>
    override policy.GetHashCode() : int = hash policy.All

    /// <summary>Each end compresses with as much history as it likes to.</summary>
    static member Default: DeflatePolicy =
        DeflatePolicy(false, false, ValueNone, ValueNone, false)

    /// <summary>Sets a policy.</summary>
    /// <param name="serverNoContextTakeover">True to compress each message by itself (RFC 7692 §7.1.1.1).</param>
    /// <param name="clientNoContextTakeover">True to have the client do so (RFC 7692 §7.1.1.2).</param>
    /// <param name="serverMaxWindowBits">
    /// The window for compressing, as a power of two: 9 to 15; none for 15, or what the client asks for. It is told to clients
    /// that ask about it: a smaller window than was agreed on is always allowed (RFC 7692 §7.1.2.1).
    /// </param>
    /// <param name="clientMaxWindowBits">
    /// The client's window: 8 to 15; none for what it likes, up to 15 (RFC 7692 §7.1.2.2).
    /// </param>
    /// <param name="requireClientMaxWindowBits">True to decline an offer from a client that can't limit its window.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A window is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">A limit on the client's window is required, but not set.</exception>
    static member Create
        (
            serverNoContextTakeover: bool,
            clientNoContextTakeover: bool,
            serverMaxWindowBits: Nullable<int>,
            clientMaxWindowBits: Nullable<int>,
            requireClientMaxWindowBits: bool
        ) : DeflatePolicy =
        // zlib, of which every implementation is made, can't compress with a window of 8 bits.
        DeflateWindow.check (nameof serverMaxWindowBits) 9 serverMaxWindowBits
        DeflateWindow.check (nameof clientMaxWindowBits) 8 clientMaxWindowBits

        if requireClientMaxWindowBits && not clientMaxWindowBits.HasValue then
            invalidArg (nameof requireClientMaxWindowBits) "A limit that is required has to be set."

        DeflatePolicy(
            serverNoContextTakeover,
            clientNoContextTakeover,
            ValueOption.ofNullable serverMaxWindowBits,
            ValueOption.ofNullable clientMaxWindowBits,
            requireClientMaxWindowBits
        )

    member private policy.Text: string =
        let bits (name: string) (value: int voption) : string list =
            match value with
            | ValueSome number -> [ Invariant $"{name} {number}" ]
            | ValueNone -> []

        let flag (isSet: bool) (name: string) : string list = if isSet then [ name ] else []

        let all =
            List.concat [
                flag policy.ServerForgets "server without context"
                flag policy.ClientForgets "client without context"
                bits "server window" policy.ServerBits
                bits "client window" policy.ClientBits
                flag policy.RequiresClientBits "required"
            ]

        if all.IsEmpty then
            "as clients like"
        else
            String.Join(", ", all)

    /// <summary>What is set, in words.</summary>
    override policy.ToString() = policy.Text

/// <summary>
/// What a client wants of <c>permessage-deflate</c>. Immutable, and checked when it is made. Its text is what it offers.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type DeflateOffer
    private
    (
        serverForgets: bool,
        clientForgets: bool,
        serverBits: int voption,
        clientBits: int voption,
        isRequired: bool
    ) =

    member internal _.ServerForgets = serverForgets
    member internal _.ClientForgets = clientForgets
    member internal _.ServerBits = serverBits
    member internal _.ClientBits = clientBits
    member internal _.RequiresServerLimits = isRequired

    member private _.All: struct (bool * bool * int voption * int voption * bool) =
        serverForgets, clientForgets, serverBits, clientBits, isRequired

    /// <summary>True when both want the same.</summary>
    override offer.Equals(other: obj | null) : bool =
        match other with
        | :? DeflateOffer as other -> offer.All = other.All
        | _ -> false

    /// <summary>A hash code of all that is wanted.</summary>
    override offer.GetHashCode() : int = hash offer.All

    /// <summary>
    /// What browsers offer: each end compresses with as much history as it likes to, and the server may limit the client's
    /// window.
    /// </summary>
    static member Default: DeflateOffer =
        DeflateOffer(false, false, ValueNone, ValueSome 15, false)

    /// <summary>Sets what is offered.</summary>
    /// <param name="serverNoContextTakeover">True to have the server compress each message by itself (RFC 7692 §7.1.1.1).</param>
    /// <param name="clientNoContextTakeover">True to compress each message by itself (RFC 7692 §7.1.1.2).</param>
    /// <param name="serverMaxWindowBits">
    /// The window that the server may use, as a power of two: 8 to 15; none for 15. Some servers can't do 8 (RFC 7692 §7.1.2.1).
    /// </param>
    /// <param name="clientMaxWindowBits">
    /// The client's window for compressing: 9 to 15, and the server may limit it further; none for 15 and no limit, which is for
    /// codecs whose window can't be set (RFC 7692 §7.1.2.2).
    /// </param>
    /// <param name="requireServerLimits">
    /// True to offer nothing else. False to offer compression without the two limits on the server, too, for servers that can't
    /// keep them.
    /// </param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A window is out of its range.</exception>
    static member Create
        (
            serverNoContextTakeover: bool,
            clientNoContextTakeover: bool,
            serverMaxWindowBits: Nullable<int>,
            clientMaxWindowBits: Nullable<int>,
            requireServerLimits: bool
        ) : DeflateOffer =
        DeflateWindow.check (nameof serverMaxWindowBits) 8 serverMaxWindowBits
        DeflateWindow.check (nameof clientMaxWindowBits) 9 clientMaxWindowBits

        DeflateOffer(
            serverNoContextTakeover,
            clientNoContextTakeover,
            ValueOption.ofNullable serverMaxWindowBits,
            ValueOption.ofNullable clientMaxWindowBits,
            requireServerLimits
        )

    /// What is offered, the best first: a server takes the first that it can do (RFC 7692 §5.1).
    member internal offer.Alternatives: ExtensionOffer list =
        let own =
            DeflateParameter.flag DeflateParameter.ClientForgets offer.ClientForgets
            @ match offer.ClientBits with
              | ValueSome 15 -> DeflateParameter.flag DeflateParameter.ClientBits true
              | bits -> DeflateParameter.limit DeflateParameter.ClientBits bits

        let theirs =
            DeflateParameter.flag DeflateParameter.ServerForgets offer.ServerForgets
            @ DeflateParameter.limit DeflateParameter.ServerBits offer.ServerBits

        [
            ExtensionOffer.Create(DeflateParameter.Extension, theirs @ own)

            if not theirs.IsEmpty && not offer.RequiresServerLimits then
                ExtensionOffer.Create(DeflateParameter.Extension, own)
        ]

    member private offer.Text = HeaderGrammar.renderExtensions offer.Alternatives

    /// <summary>The offer as the value of <c>Sec-WebSocket-Extensions</c>.</summary>
    override offer.ToString() = offer.Text

/// <summary>What was agreed on.</summary>
type DeflateAgreement = {
    /// <summary>True when the server compresses each message by itself.</summary>
    ServerNoContextTakeover: bool
    /// <summary>True when the client does.</summary>
    ClientNoContextTakeover: bool
    /// <summary>
    /// The server's window, as a power of two: 9 to 15 at the server, which compresses with it; 8 to 15 at the client, which has
    /// to be ready for it, and which may not have been told that it is smaller.
    /// </summary>
    ServerMaxWindowBits: int
    /// <summary>
    /// The client's: 8 to 15. A client whose codec can't do 8, as zlib can't, sends its messages as they are: that is always
    /// allowed (RFC 7692 §6).
    /// </summary>
    ClientMaxWindowBits: int
    /// <summary>What the response says about it.</summary>
    Parameters: EquatableList<ExtensionParameter>
}

/// <summary>Why an offer of <c>permessage-deflate</c> is declined, or an answer to one is refused (RFC 7692 §7.1).</summary>
[<RequireQualifiedAccess>]
type DeflateRefusal =
    /// <summary>A parameter that the extension doesn't have.</summary>
    | UnknownParameter of Name: string
    /// <summary>A parameter comes more than once.</summary>
    | RepeatedParameter of Name: string
    /// <summary>A parameter has a value that it can't have, or lacks one; null for none.</summary>
    | InvalidValue of Name: string * Value: (string | null)
    /// <summary>The client wants to be sent data of a window of 8 bits, which can't be made.</summary>
    | WindowTooSmall
    /// <summary>The client doesn't tell that its window can be limited, which the policy requires.</summary>
    | ClientMaxWindowBitsMissing
    /// <summary>The server answers with a parameter that it may only answer with when it was offered (RFC 7692 §7.1.2.2).</summary>
    | NotOffered of Name: string
    /// <summary>The server doesn't answer with a parameter that it has to keep when it accepts the offer (RFC 7692 §7.1).</summary>
    | Unanswered of Name: string
    /// <summary>The server answers with a larger window than was offered (RFC 7692 §7.1.2).</summary>
    | WindowTooLarge of Name: string * Bits: int * Offered: int

    /// <summary>A sentence of one line; what the peer wrote is escaped and cut.</summary>
    override refusal.ToString() =
        match refusal with
        | UnknownParameter name -> Invariant $"It has no parameter {PeerText.quote name}."
        | RepeatedParameter name -> Invariant $"The parameter {PeerText.quote name} comes more than once."
        | InvalidValue(name, Null) -> Invariant $"The parameter {PeerText.quote name} needs a value."
        | InvalidValue(name, NonNull value) ->
            Invariant $"The parameter {PeerText.quote name} can't be {PeerText.quote value}."
        | WindowTooSmall -> "A window of 8 bits can't be made."
        | ClientMaxWindowBitsMissing -> "The client's window can't be limited."
        | NotOffered name -> Invariant $"The parameter {PeerText.quote name} was not offered."
        | Unanswered name -> Invariant $"The parameter {PeerText.quote name} is missing in the answer."
        | WindowTooLarge(name, bits, offered) ->
            Invariant
                $"The parameter {PeerText.quote name} is {PeerText.number bits}; at most {PeerText.number offered} was offered."

type DeflatePolicy with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: DeflatePolicy | null, right: DeflatePolicy | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: DeflatePolicy | null, right: DeflatePolicy | null) : bool =
        not (obj.Equals(left, right))

type DeflateOffer with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: DeflateOffer | null, right: DeflateOffer | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: DeflateOffer | null, right: DeflateOffer | null) : bool =
        not (obj.Equals(left, right))

type DeflateAgreement with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: DeflateAgreement | null, right: DeflateAgreement | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: DeflateAgreement | null, right: DeflateAgreement | null) : bool =
        not (obj.Equals(left, right))

type DeflateRefusal with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: DeflateRefusal | null, right: DeflateRefusal | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: DeflateRefusal | null, right: DeflateRefusal | null) : bool =
        not (obj.Equals(left, right))
