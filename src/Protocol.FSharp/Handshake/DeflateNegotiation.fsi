// What a client and a server agree on about permessage-deflate (RFC 7692 §7.1). Compressing itself is not done here.
namespace FunctionalWs.Protocol

open System
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices

/// <summary>The negotiation of <c>permessage-deflate</c> (RFC 7692 §5.1, §7.1).</summary>
module DeflateNegotiation =

    /// <summary>The extension's name (RFC 7692 §7).</summary>
    [<Literal>]
    val Name: string = "permessage-deflate"

    /// <summary>The bytes that end each message on the sender's side, and that are not sent (RFC 7692 §7.2.1).</summary>
    val tail: ReadOnlyMemory<byte>

    /// <summary>Agrees to one offer, or tells why it is declined; then the client's next offer has its turn.</summary>
    /// <param name="policy">What the server wants.</param>
    /// <param name="parameters">What the client offers.</param>
    [<CompiledName("Accept")>]
    val accept:
        policy: DeflatePolicy ->
        parameters: ExtensionParameter seq ->
            Result<DeflateAgreement, DeflateRefusal>

    /// <summary>Agrees to one offer, or tells why it is declined, as <c>Accept</c> does.</summary>
    /// <param name="policy">What the server wants.</param>
    /// <param name="parameters">What the client offers.</param>
    /// <param name="agreement">What is agreed on; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryAccept")>]
    val tryAccept:
        policy: DeflatePolicy *
        parameters: ExtensionParameter seq *
        [<Out; NotNullWhen(true)>] agreement: byref<DeflateAgreement | null> *
        [<Out>] error: byref<DeflateRefusal> ->
            bool

    /// <summary>Agrees to the first of a client's offers that the policy allows; none when there is none.</summary>
    /// <param name="policy">What the server wants.</param>
    /// <param name="offers">What the client offers, other extensions included.</param>
    [<CompiledName("AcceptFirst")>]
    val acceptFirst: policy: DeflatePolicy -> offers: ExtensionOffer seq -> DeflateAgreement voption

    /// <summary>What a client offers, the best first: a server takes the first that it can do (RFC 7692 §5.1).</summary>
    /// <param name="offer">What the client wants.</param>
    [<CompiledName("Offers")>]
    val offers: offer: DeflateOffer -> EquatableList<ExtensionOffer>

    /// <summary>
    /// Checks a server's answer to an offer: what it may not answer makes the client fail the connection (RFC 7692 §7.1).
    /// </summary>
    /// <param name="offer">What the client offered.</param>
    /// <param name="parameters">What the server answers.</param>
    [<CompiledName("Confirm")>]
    val confirm:
        offer: DeflateOffer -> parameters: ExtensionParameter seq -> Result<DeflateAgreement, DeflateRefusal>

    /// <summary>Checks a server's answer to an offer, as <c>Confirm</c> does.</summary>
    /// <param name="offer">What the client offered.</param>
    /// <param name="parameters">What the server answers.</param>
    /// <param name="agreement">What is agreed on; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    [<CompiledName("TryConfirm")>]
    val tryConfirm:
        offer: DeflateOffer *
        parameters: ExtensionParameter seq *
        [<Out; NotNullWhen(true)>] agreement: byref<DeflateAgreement | null> *
        [<Out>] error: byref<DeflateRefusal> ->
            bool
