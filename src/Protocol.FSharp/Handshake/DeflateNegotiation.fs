// What a client and a server agree on about permessage-deflate (RFC 7692 §7.1). Compressing itself is not done here.
namespace FunctionalWs.Protocol

open System
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

module DeflateNegotiation =

    [<Literal>]
    let Name = DeflateParameter.Extension

    let tail: ReadOnlyMemory<byte> = ReadOnlyMemory [| 0x00uy; 0x00uy; 0xFFuy; 0xFFuy |]

    /// What an offer or an answer says of the client's window.
    [<Struct>]
    type private Window =
        | Unsaid
        | AnySize
        | Bits of int

    [<Struct>]
    type private Terms = {
        ServerForgets: bool
        ClientForgets: bool
        Server: int voption
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

    let private addParameter (offer: Terms) (parameter: ExtensionParameter) : Result<Terms, DeflateRefusal> =
        let invalid () =
            Error(DeflateRefusal.InvalidValue(parameter.Name, parameter.Value))

        match parameter.Name, parameter.Value with
        | DeflateParameter.ServerForgets, Null -> Ok { offer with ServerForgets = true }
        | DeflateParameter.ClientForgets, Null -> Ok { offer with ClientForgets = true }
        | DeflateParameter.ClientBits, Null -> Ok { offer with Client = AnySize }
        | (DeflateParameter.ServerBits | DeflateParameter.ClientBits), NonNull value ->
            match windowBits value with
            | ValueSome bits when parameter.Name = DeflateParameter.ServerBits ->
                Ok { offer with Server = ValueSome bits }
            | ValueSome bits -> Ok { offer with Client = Bits bits }
            | ValueNone -> invalid ()
        | (DeflateParameter.ServerForgets | DeflateParameter.ClientForgets | DeflateParameter.ServerBits), _ ->
            invalid ()
        | name, _ -> Error(DeflateRefusal.UnknownParameter name)

    let private nothing = {
        ServerForgets = false
        ClientForgets = false
        Server = ValueNone
        Client = Unsaid
    }

    let rec private read
        (seen: string list)
        (offer: Terms)
        (parameters: ExtensionParameter list)
        : Result<Terms, DeflateRefusal> =
        match parameters with
        | [] -> Ok offer
        | parameter :: _ when List.contains parameter.Name seen ->
            Error(DeflateRefusal.RepeatedParameter parameter.Name)
        | parameter :: rest ->
            addParameter offer parameter
            |> Result.bind (fun offer -> read (parameter.Name :: seen) offer rest)

    /// The server may always limit its own window (RFC 7692 §7.1.2.1).
    let private serverBits (policy: DeflatePolicy) (offer: Terms) : int voption =
        match policy.ServerBits, offer.Server with
        | own, ValueNone -> own
        | ValueNone, asked -> asked
        | ValueSome own, ValueSome asked -> ValueSome(min own asked)

    /// The client's window is limited only if it said that it can be (RFC 7692 §7.1.2.2).
    let private clientBits (policy: DeflatePolicy) (offer: Terms) : int voption =
        match policy.ClientBits, offer.Client with
        | _, Unsaid -> ValueNone
        | own, AnySize -> own
        | ValueNone, Bits asked -> ValueSome asked
        | ValueSome own, Bits asked -> ValueSome(min own asked)

    /// A server that uses a smaller window than it may need not tell, and some clients fail when it does unasked.
    let private toldServerBits (offer: Terms) (bits: int voption) : int voption =
        if offer.Server.IsSome then bits else ValueNone

    let private agree (policy: DeflatePolicy) (offer: Terms) : DeflateAgreement =
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
                EquatableList.Create(
                    DeflateParameter.flag DeflateParameter.ServerForgets serverForgets
                    @ DeflateParameter.flag DeflateParameter.ClientForgets clientForgets
                    @ DeflateParameter.limit DeflateParameter.ServerBits (toldServerBits offer server)
                    @ DeflateParameter.limit DeflateParameter.ClientBits client
                )
        }

    [<CompiledName("Accept")>]
    let accept
        (policy: DeflatePolicy)
        (parameters: ExtensionParameter seq)
        : Result<DeflateAgreement, DeflateRefusal> =
        ArgumentNullException.ThrowIfNull(policy, nameof policy)
        ArgumentNullException.ThrowIfNull(parameters, nameof parameters)

        match read [] nothing (List.ofSeq parameters) with
        | Error refusal -> Error refusal
        | Ok { Server = ValueSome 8 } -> Error DeflateRefusal.WindowTooSmall
        | Ok { Client = Unsaid } when policy.RequiresClientBits ->
            Error DeflateRefusal.ClientMaxWindowBitsMissing
        | Ok offer -> Ok(agree policy offer)

    [<CompiledName("TryAccept")>]
    let tryAccept
        (
            policy: DeflatePolicy,
            parameters: ExtensionParameter seq,
            [<Out; NotNullWhen(true)>] agreement: byref<DeflateAgreement | null>,
            [<Out>] error: byref<DeflateRefusal>
        ) : bool =
        Result.tryGet (accept policy parameters) &agreement &error


    [<CompiledName("AcceptFirst")>]
    let acceptFirst (policy: DeflatePolicy) (offers: ExtensionOffer seq) : DeflateAgreement voption =
        ArgumentNullException.ThrowIfNull(policy, nameof policy)
        ArgumentNullException.ThrowIfNull(offers, nameof offers)

        offers
        |> Seq.filter (fun offer -> offer.Name = Name)
        |> Seq.tryPick (fun offer -> Result.toOption (accept policy offer.Parameters))
        |> function
            | Some agreement -> ValueSome agreement
            | None -> ValueNone

    [<CompiledName("Offers")>]
    let offers (offer: DeflateOffer) : EquatableList<ExtensionOffer> =
        ArgumentNullException.ThrowIfNull(offer, nameof offer)
        EquatableList.Create offer.Alternatives

    /// A client that doesn't insist on limits has made a second offer without them, which any answer about them fits.
    let private brokenServerLimit (offer: DeflateOffer) (answer: Terms) : DeflateRefusal voption =
        match offer.ServerBits, answer.Server with
        | _, _ when not offer.RequiresServerLimits -> ValueNone
        | _, _ when offer.ServerForgets && not answer.ServerForgets ->
            ValueSome(DeflateRefusal.Unanswered DeflateParameter.ServerForgets)
        | ValueNone, _ -> ValueNone
        | ValueSome _, ValueNone -> ValueSome(DeflateRefusal.Unanswered DeflateParameter.ServerBits)
        | ValueSome offered, ValueSome bits when bits > offered ->
            ValueSome(DeflateRefusal.WindowTooLarge(DeflateParameter.ServerBits, bits, offered))
        | ValueSome _, ValueSome _ -> ValueNone

    let private brokenClientLimit (offer: DeflateOffer) (answer: Terms) : DeflateRefusal voption =
        match offer.ClientBits, answer.Client with
        | _, Unsaid -> ValueNone
        | _, AnySize -> ValueSome(DeflateRefusal.InvalidValue(DeflateParameter.ClientBits, null))
        | ValueNone, Bits _ -> ValueSome(DeflateRefusal.NotOffered DeflateParameter.ClientBits)
        | ValueSome offered, Bits bits when bits > offered ->
            ValueSome(DeflateRefusal.WindowTooLarge(DeflateParameter.ClientBits, bits, offered))
        | ValueSome _, Bits _ -> ValueNone

    /// What a client offered about itself it keeps, whatever the answer says (RFC 7692 §7.1.1.2, §7.1.2.2).
    let private settle
        (offer: DeflateOffer)
        (answer: Terms)
        (parameters: ExtensionParameter list)
        : DeflateAgreement =
        let own = ValueOption.defaultValue 15 offer.ClientBits

        {
            ServerNoContextTakeover = answer.ServerForgets
            ClientNoContextTakeover = answer.ClientForgets || offer.ClientForgets
            ServerMaxWindowBits = ValueOption.defaultValue 15 answer.Server
            ClientMaxWindowBits =
                match answer.Client with
                | Bits bits -> bits
                | Unsaid
                | AnySize -> own
            Parameters = EquatableList.Create parameters
        }

    [<CompiledName("Confirm")>]
    let confirm
        (offer: DeflateOffer)
        (parameters: ExtensionParameter seq)
        : Result<DeflateAgreement, DeflateRefusal> =
        ArgumentNullException.ThrowIfNull(offer, nameof offer)
        ArgumentNullException.ThrowIfNull(parameters, nameof parameters)

        let parameters = List.ofSeq parameters

        match read [] nothing parameters with
        | Error refusal -> Error refusal
        | Ok answer ->
            match brokenServerLimit offer answer, brokenClientLimit offer answer with
            | ValueSome refusal, _
            | ValueNone, ValueSome refusal -> Error refusal
            | ValueNone, ValueNone -> Ok(settle offer answer parameters)

    [<CompiledName("TryConfirm")>]
    let tryConfirm
        (
            offer: DeflateOffer,
            parameters: ExtensionParameter seq,
            [<Out; NotNullWhen(true)>] agreement: byref<DeflateAgreement | null>,
            [<Out>] error: byref<DeflateRefusal>
        ) : bool =
        Result.tryGet (confirm offer parameters) &agreement &error
