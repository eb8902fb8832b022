// What a client and a server agree on about permessage-deflate (RFC 7692 §7.1). Compressing itself is not done here.
namespace FunctionalWs.Protocol

open System

/// <summary>What a server wants of <c>permessage-deflate</c>. Immutable, and checked when it is made.</summary>
type DeflatePolicy = private {
    ServerForgets: bool
    ClientForgets: bool
    ServerBits: int voption
    ClientBits: int voption
    RequiresClientBits: bool
} with

    /// <summary>Each end compresses with as much history as it likes to.</summary>
    static member Default: DeflatePolicy = {
        ServerForgets = false
        ClientForgets = false
        ServerBits = ValueNone
        ClientBits = ValueNone
        RequiresClientBits = false
    }

    /// <summary>Sets a policy.</summary>
    /// <param name="serverNoContextTakeover">True to compress each message by itself (RFC 7692 §7.1.1.1).</param>
    /// <param name="clientNoContextTakeover">True to have the client do so (RFC 7692 §7.1.1.2).</param>
    /// <param name="serverMaxWindowBits">
    /// The window for compressing, as a power of two: 9 to 15; none for 15, or what the client asks for (RFC 7692 §7.1.2.1).
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
        let check name least (bits: Nullable<int>) =
            if bits.HasValue && (bits.Value < least || bits.Value > 15) then
                raise (ArgumentOutOfRangeException(name, bits.Value, $"{name} is from {least} to 15."))

        // zlib, of which every implementation is made, can't compress with a window of 8 bits.
        check (nameof serverMaxWindowBits) 9 serverMaxWindowBits
        check (nameof clientMaxWindowBits) 8 clientMaxWindowBits

        if requireClientMaxWindowBits && not clientMaxWindowBits.HasValue then
            invalidArg (nameof requireClientMaxWindowBits) "A limit that is required has to be set."

        {
            ServerForgets = serverNoContextTakeover
            ClientForgets = clientNoContextTakeover
            ServerBits = ValueOption.ofNullable serverMaxWindowBits
            ClientBits = ValueOption.ofNullable clientMaxWindowBits
            RequiresClientBits = requireClientMaxWindowBits
        }

/// <summary>What was agreed on.</summary>
type DeflateAgreement = {
    /// <summary>True when the server compresses each message by itself.</summary>
    ServerNoContextTakeover: bool
    /// <summary>True when the client does.</summary>
    ClientNoContextTakeover: bool
    /// <summary>The server's window for compressing, as a power of two: 9 to 15.</summary>
    ServerMaxWindowBits: int
    /// <summary>The client's: 8 to 15.</summary>
    ClientMaxWindowBits: int
    /// <summary>What the response says about it.</summary>
    Parameters: ExtensionParameter list
}

/// <summary>Why an offer of <c>permessage-deflate</c> is declined (RFC 7692 §7.1).</summary>
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

/// <summary>The negotiation of <c>permessage-deflate</c> (RFC 7692 §5.1, §7.1).</summary>
module DeflateNegotiation =

    /// <summary>The extension's name (RFC 7692 §7).</summary>
    [<Literal>]
    let Name = "permessage-deflate"

    /// <summary>The bytes that end each message on the sender's side, and that are not sent (RFC 7692 §7.2.1).</summary>
    let tail: ReadOnlyMemory<byte> = ReadOnlyMemory [| 0x00uy; 0x00uy; 0xFFuy; 0xFFuy |]

    [<Literal>]
    let private ServerForgets = "server_no_context_takeover"

    [<Literal>]
    let private ClientForgets = "client_no_context_takeover"

    [<Literal>]
    let private ServerBits = "server_max_window_bits"

    [<Literal>]
    let private ClientBits = "client_max_window_bits"

    /// What a client says of its window.
    [<Struct>]
    type private Window =
        | Unsaid
        | AnySize
        | Bits of int

    [<Struct>]
    type private Offer = {
        ServerForgets: bool
        ClientForgets: bool
        Server: Window
        Client: Window
    }

    /// RFC 7692 §7.1.2: a number without leading zeros.
    let private windowBits (value: string) : int voption =
        match value with
        | "8" -> ValueSome 8
        | "9" -> ValueSome 9
        | "10" -> ValueSome 10
        | "11" -> ValueSome 11
        | "12" -> ValueSome 12
        | "13" -> ValueSome 13
        | "14" -> ValueSome 14
        | "15" -> ValueSome 15
        | _ -> ValueNone

    let private addParameter (offer: Offer) (parameter: ExtensionParameter) : Result<Offer, DeflateRefusal> =
        let invalid () =
            Error(DeflateRefusal.InvalidValue(parameter.Name, parameter.Value))

        match parameter.Name, parameter.Value with
        | ServerForgets, Null -> Ok { offer with ServerForgets = true }
        | ClientForgets, Null -> Ok { offer with ClientForgets = true }
        | ClientBits, Null -> Ok { offer with Client = AnySize }
        | (ServerBits | ClientBits), NonNull value ->
            match windowBits value with
            | ValueSome bits when parameter.Name = ServerBits -> Ok { offer with Server = Bits bits }
            | ValueSome bits -> Ok { offer with Client = Bits bits }
            | ValueNone -> invalid ()
        | (ServerForgets | ClientForgets | ServerBits), _ -> invalid ()
        | name, _ -> Error(DeflateRefusal.UnknownParameter name)

    let private nothing = {
        ServerForgets = false
        ClientForgets = false
        Server = Unsaid
        Client = Unsaid
    }

    let rec private read
        (seen: string list)
        (offer: Offer)
        (parameters: ExtensionParameter list)
        : Result<Offer, DeflateRefusal> =
        match parameters with
        | [] -> Ok offer
        | parameter :: _ when List.contains parameter.Name seen ->
            Error(DeflateRefusal.RepeatedParameter parameter.Name)
        | parameter :: rest ->
            addParameter offer parameter
            |> Result.bind (fun offer -> read (parameter.Name :: seen) offer rest)

    /// The server may always limit its own window (RFC 7692 §7.1.2.1).
    let private serverBits (policy: DeflatePolicy) (offer: Offer) : int voption =
        match policy.ServerBits, offer.Server with
        | own, (Unsaid | AnySize) -> own
        | ValueNone, Bits asked -> ValueSome asked
        | ValueSome own, Bits asked -> ValueSome(min own asked)

    /// The client's window is limited only if it said that it can be (RFC 7692 §7.1.2.2).
    let private clientBits (policy: DeflatePolicy) (offer: Offer) : int voption =
        match policy.ClientBits, offer.Client with
        | _, Unsaid -> ValueNone
        | own, AnySize -> own
        | ValueNone, Bits asked -> ValueSome asked
        | ValueSome own, Bits asked -> ValueSome(min own asked)

    let private flag (name: string) (isSet: bool) : ExtensionParameter list =
        if isSet then [ { Name = name; Value = null } ] else []

    let private limit (name: string) (bits: int voption) : ExtensionParameter list =
        match bits with
        | ValueSome bits -> [ { Name = name; Value = string bits } ]
        | ValueNone -> []

    let private agree (policy: DeflatePolicy) (offer: Offer) : DeflateAgreement =
        let serverForgets = policy.ServerForgets || offer.ServerForgets
        let clientForgets = policy.ClientForgets || offer.ClientForgets
        let server = serverBits policy offer
        let client = clientBits policy offer

        {
            ServerNoContextTakeover = serverForgets
            ClientNoContextTakeover = clientForgets
            ServerMaxWindowBits = ValueOption.defaultValue 15 server
            ClientMaxWindowBits = ValueOption.defaultValue 15 client
            Parameters =
                flag ServerForgets serverForgets
                @ flag ClientForgets clientForgets
                @ limit ServerBits server
                @ limit ClientBits client
        }

    /// <summary>Agrees to one offer, or tells why it is declined; then the client's next offer has its turn.</summary>
    /// <param name="policy">What the server wants.</param>
    /// <param name="parameters">What the client offers.</param>
    [<CompiledName("Accept")>]
    let accept
        (policy: DeflatePolicy)
        (parameters: ExtensionParameter seq)
        : Result<DeflateAgreement, DeflateRefusal> =
        match read [] nothing (List.ofSeq parameters) with
        | Error refusal -> Error refusal
        | Ok { Server = Bits 8 } -> Error DeflateRefusal.WindowTooSmall
        | Ok { Client = Unsaid } when policy.RequiresClientBits ->
            Error DeflateRefusal.ClientMaxWindowBitsMissing
        | Ok offer -> Ok(agree policy offer)

    /// <summary>Agrees to the first of a client's offers that the policy allows; none when there is none.</summary>
    /// <param name="policy">What the server wants.</param>
    /// <param name="offers">What the client offers, other extensions included.</param>
    [<CompiledName("AcceptFirst")>]
    let acceptFirst (policy: DeflatePolicy) (offers: ExtensionOffer seq) : DeflateAgreement voption =
        offers
        |> Seq.filter (fun offer -> offer.Name = Name)
        |> Seq.tryPick (fun offer -> Result.toOption (accept policy offer.Parameters))
        |> function
            | Some agreement -> ValueSome agreement
            | None -> ValueNone
