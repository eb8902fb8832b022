/// permessage-deflate from the client's side: offers, messages to send, and what comes back.
module FunctionalWs.Conformance.Compression

open System
open System.Buffers
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance // its Incoming is the one that is meant
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let deflate = "permessage-deflate"

/// What the server agreed to; none when it declined.
let agreedBy (response: Head) : ExtensionOffer option =
    match response.All "Sec-WebSocket-Extensions" with
    | [] -> None
    | values ->
        match HeaderGrammar.parseExtensions (String.Join(", ", values)) with
        | Ok offers when offers.Count = 1 -> Some offers[0]
        | Ok offers -> failed $"the server agreed to {offers.Count} extensions"
        | Error error -> failed $"Sec-WebSocket-Extensions can't be read: {error}"

let has (parameter: string) (agreed: ExtensionOffer) : bool =
    agreed.Parameters |> Seq.exists (fun other -> other.Name = parameter)

let bitsOf (parameter: string) (agreed: ExtensionOffer) : int option =
    agreed.Parameters
    |> Seq.tryFind (fun other -> other.Name = parameter)
    |> Option.map (fun found ->
        match Int32.TryParse found.Value with
        | true, bits when bits >= 8 && bits <= 15 -> bits
        | _ -> failed $"the server says {parameter}={found.Value}")

/// Opens with an offer. Who doesn't like it should decline it, not the connection (RFC 7692 §5.1).
let openOffering (value: string) (peer: Peer) : ExtensionOffer option =
    match tryOpen (Head.add "Sec-WebSocket-Extensions" value) peer with
    | Ok response -> agreedBy response
    | Error status when status >= 400 -> nonStrict $"the offer was answered with {status}"
    | Error status -> failed $"the handshake was answered with {status}"

/// A server's answer that says the same as an offer does: it can't leave the client's window open.
let answerLike (value: string) : string =
    match HeaderGrammar.parseExtensions value with
    | Ok offers ->
        let isSaid (parameter: ExtensionParameter) =
            parameter.Name <> "client_max_window_bits" || not (isNull parameter.Value)

        offers
        |> Seq.map (fun offer -> ExtensionOffer.Create(offer.Name, Seq.filter isSaid offer.Parameters))
        |> HeaderGrammar.renderExtensions
    | Error error -> failed $"the offer can't be read: {error}"

/// A client that offers all that there is.
let offeringAll (options: ClientOptions) : ClientOptions =
    ClientOptions(
        Proxy = null,
        MaxMessageSize = options.MaxMessageSize,
        Compression =
            PerMessageDeflate(ServerMaxWindowBits = Nullable(), ClientMaxWindowBits = Nullable(), MinSize = 0)
    )

/// Agrees to the compression that the client offers.
let private agreeTo (value: string) (peer: Peer) : ExtensionOffer =
    let answer = answerLike value
    peer.Caller.Options <- offeringAll peer.Caller.Options
    answerWith (Head.add "Sec-WebSocket-Extensions" answer) peer |> ignore
    peer.Compress()

    match HeaderGrammar.parseExtensions answer with
    | Ok agreed -> agreed[0]
    | Error error -> failed $"the answer can't be read: {error}"

let private offerAsClient (value: string) (peer: Peer) : ExtensionOffer =
    match openOffering value peer with
    | Some agreed when agreed.Name = deflate ->
        peer.Compress()
        agreed
    | Some agreed -> failed $"the server agreed to {agreed.Name}"
    | None -> unimplemented "the server doesn't agree to it"

/// Offers compression, or agrees to it, and tells what was agreed on; unimplemented when nothing was.
let offer (value: string) (peer: Peer) : ExtensionOffer =
    if peer.IsServer then
        agreeTo value peer
    else
        offerAsClient value peer

/// A parameter about the data of this end, or of the other.
let ownParameter (peer: Peer) (name: string) : string =
    (if peer.IsServer then "server_" else "client_") + name

let othersParameter (peer: Peer) (name: string) : string =
    (if peer.IsServer then "client_" else "server_") + name

/// Compresses messages with a window, each with or without what was before it.
[<Sealed>]
type Compressor(windowBits: int, forgets: bool) =
    let settings = DeflaterSettings(windowBits, 6, 8, Unchecked.defaultof<_>)
    let mutable deflater = new Deflater(settings)

    member _.Message(data: byte[]) : byte[] =
        let writer = ArrayBufferWriter<byte>()
        deflater.Compress(ReadOnlySpan data, true, writer, false)

        if forgets then
            deflater.Dispose()
            deflater <- new Deflater(settings)

        writer.WrittenSpan.ToArray()

    interface IDisposable with
        member _.Dispose() = deflater.Dispose()

/// Reads compressed messages, and looks at how far they refer back.
[<Sealed>]
type Reader(peer: Peer, agreed: ExtensionOffer) =
    let mostBytes = 16 * 1024 * 1024
    let forgets = has (othersParameter peer "no_context_takeover") agreed

    let window =
        1
        <<< Option.defaultValue 15 (bitsOf (othersParameter peer "max_window_bits") agreed)

    let mutable stream = FunctionalWs.Fuzz.InflateTwin.Stream()

    member _.Message(wire: byte[]) : byte[] =
        if forgets then
            stream <- FunctionalWs.Fuzz.InflateTwin.Stream()

        match stream.TryMessage(wire, mostBytes) with
        | None -> failed "what came back can't be decompressed"
        | Some _ when stream.Farthest > window ->
            failed $"what came back refers {stream.Farthest} bytes back; the window is {window}"
        | Some data -> data

/// One message with its kind, decompressed where it is marked.
let rec readMessage (reader: Reader) (peer: Peer) : struct (int * bool * byte[]) =
    let parts = List<byte[]>()

    let rec next (kind: int) (isMarked: bool) =
        match peer.Next() with
        | Frame(header, _) when header.Opcode.IsPong -> next kind isMarked
        | Frame(header, payload) when not (header.Opcode.IsControl) ->
            parts.Add payload
            let isFirst = not header.Opcode.IsContinuation
            let kind = if isFirst then int (header.Opcode.ToByte()) else kind

            let isMarked =
                if isFirst then
                    header.ReservedBits <> ReservedBits.None
                else
                    isMarked

            if header.Fin then
                struct (kind, isMarked)
            else
                next kind isMarked
        | other -> failed $"a message was expected; {describe other}"

    let struct (kind, isMarked) = next -1 false
    let wire = Array.concat parts
    struct (kind, isMarked, (if isMarked then reader.Message wire else wire))

let expectMessage (reader: Reader) (peer: Peer) (kind: int) (payload: byte[]) =
    let struct (found, _, data) = readMessage reader peer

    if found <> kind then
        failed $"a {kindName kind} message came back as {kindName found}"

    if data <> payload then
        failed $"{payload.Length} bytes came back as {data.Length}, or as other ones"

/// A compressed message in frames of a size; the first is marked.
let framesOf (peer: Peer) (kind: int) (size: int) (wire: byte[]) : byte[] list =
    match Array.chunkBySize size wire |> List.ofArray with
    | [] -> [ frame peer true 4 kind [||] ]
    | parts ->
        parts
        |> List.mapi (fun i part ->
            let isFirst = i = 0
            frame peer (i = parts.Length - 1) (if isFirst then 4 else 0) (if isFirst then kind else 0) part)

let sendCompressed (peer: Peer) (kind: int) (wire: byte[]) = sendFrame peer true 4 kind wire
