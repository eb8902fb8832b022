/// Offers of permessage-deflate against servers of all kinds (RFC 7692 §7.1).
module FunctionalWs.Fuzz.Targets.DeflateOffers

open System
open System.Collections.Generic
open FunctionalWs.Fuzz
open FunctionalWs.Protocol

type private Wish = {
    ServerForgets: bool
    ClientForgets: bool
    Server: int option
    Client: int option
    Requires: bool
}

let private wishes = [
    for server in [ None; Some 9; Some 12; Some 15 ] do
        for client in [ None; Some 8; Some 12; Some 15 ] do
            for requires in [ false; client.IsSome ] do
                {
                    ServerForgets = server = Some 12
                    ClientForgets = client = Some 12
                    Server = server
                    Client = client
                    Requires = requires
                }
]

let private policyOf (wish: Wish) =
    DeflatePolicy.Create(
        wish.ServerForgets,
        wish.ClientForgets,
        Option.toNullable wish.Server,
        Option.toNullable wish.Client,
        wish.Requires
    )

let private policies = [ for wish in wishes -> wish, policyOf wish ]
let private sizes = [ for bits in 8..15 -> string bits ]

let private valuesOf (name: string) (parameters: ExtensionParameter seq) =
    parameters
    |> Seq.filter (fun parameter -> parameter.Name = name)
    |> Seq.map _.Value
    |> List.ofSeq

/// True when every parameter is one of the four, comes once and has a value that it may have.
let private isLegal (parameters: ExtensionParameter seq) =
    let isFlag (values: string list) = values = [] || values = [ null ]

    let isSize (values: string list) =
        values = [] || List.exists (fun size -> values = [ size ]) sizes

    let names = [
        "server_no_context_takeover"
        "client_no_context_takeover"
        "server_max_window_bits"
        "client_max_window_bits"
    ]

    parameters |> Seq.forall (fun parameter -> List.contains parameter.Name names)
    && isFlag (valuesOf names[0] parameters)
    && isFlag (valuesOf names[1] parameters)
    && isSize (valuesOf names[2] parameters)
    && (isSize (valuesOf names[3] parameters) || valuesOf names[3] parameters = [ null ])

let private bitsOf (name: string) (parameters: ExtensionParameter seq) : int option =
    match valuesOf name parameters with
    | [ value ] when not (isNull value) -> Some(int value)
    | _ -> None

/// What the response may say to an offer.
let private checkAgreement (wish: Wish) (offer: ExtensionParameter seq) (found: DeflateAgreement) =
    let says name = valuesOf name found.Parameters <> []
    let offered name = valuesOf name offer <> []

    let server, client =
        bitsOf "server_max_window_bits" offer, bitsOf "client_max_window_bits" offer

    let within (limit: int option) (bits: int) =
        limit |> Option.forall (fun limit -> bits <= limit)

    let rules = [
        "legal response", isLegal found.Parameters
        "window of the server", found.ServerMaxWindowBits >= 9 && within server found.ServerMaxWindowBits
        "own window", within wish.Server found.ServerMaxWindowBits
        "window of the client", found.ClientMaxWindowBits >= 8 && within client found.ClientMaxWindowBits
        "silent about what the client can't",
        offered "client_max_window_bits" || not (says "client_max_window_bits")
        "agreed window of the client",
        bitsOf "client_max_window_bits" found.Parameters
        |> Option.defaultValue 15
        |> (=) found.ClientMaxWindowBits
        "silent about a window that wasn't asked for",
        offered "server_max_window_bits" = says "server_max_window_bits"
        "agreed window of the server",
        bitsOf "server_max_window_bits" found.Parameters
        |> Option.forall ((=) found.ServerMaxWindowBits)
        "forgetful server",
        found.ServerNoContextTakeover = (wish.ServerForgets || offered "server_no_context_takeover")
        && says "server_no_context_takeover" = found.ServerNoContextTakeover
        "forgetful client",
        found.ClientNoContextTakeover = (wish.ClientForgets || offered "client_no_context_takeover")
        && says "client_no_context_takeover" = found.ClientNoContextTakeover
    ]

    for rule, isKept in rules do
        Oracle.holds rule isKept (fun () -> $"{wish}: {offer} gave {found}")

let private mayBeAccepted (wish: Wish) (offer: ExtensionParameter seq) =
    isLegal offer
    && bitsOf "server_max_window_bits" offer <> Some 8
    && not (wish.Requires && valuesOf "client_max_window_bits" offer = [])

let private negotiate (trail: Trail) (offers: ExtensionOffer list) =
    let seen = SortedSet<int>()

    for wish, policy in policies do
        let own = offers |> List.filter (fun offer -> offer.Name = DeflateNegotiation.Name)

        for offer in own do
            match DeflateNegotiation.accept policy offer.Parameters, mayBeAccepted wish offer.Parameters with
            | Ok found, true -> checkAgreement wish offer.Parameters found
            | Error refusal, false -> seen.Add(100 + Oracle.tag refusal) |> ignore
            | found, _ -> Oracle.fail "twin" $"{wish}: {offer} gave {found}"

        let first = own |> List.tryFind (fun offer -> mayBeAccepted wish offer.Parameters)

        match DeflateNegotiation.acceptFirst policy offers, first with
        | ValueSome found, Some offer ->
            checkAgreement wish offer.Parameters found
            seen.Add(found.Parameters.Count) |> ignore
        | ValueNone, None -> seen.Add 50 |> ignore
        | found, _ -> Oracle.fail "first" $"{wish}: {offers} gave {found}"

    for outcome in seen do
        trail.Note outcome

let private execute (trail: Trail) (data: byte[]) =
    match HeaderGrammar.parseExtensions (InputText.ofLatin1 data) with
    | Error _ -> trail.Note 0
    | Ok offers ->
        trail.NoteSize offers.Count
        negotiate trail (offers |> Seq.truncate 8 |> List.ofSeq)

let private parameters = [|
    "server_no_context_takeover"
    "client_no_context_takeover"
    "client_max_window_bits"
    yield! [| for size in sizes -> $"server_max_window_bits={size}" |]
    yield! [| for size in sizes -> $"client_max_window_bits=\"{size}\"" |]
    "server_max_window_bits"
    "server_max_window_bits=08"
    "server_max_window_bits=16"
    "client_max_window_bits=7"
    "client_max_window_bits=1e1"
    "server_no_context_takeover=1"
    "Server_no_context_takeover"
    "__proto__"
|]

let private offer (dice: Dice) =
    let name =
        if dice.OneIn 10 then
            dice.Pick [| "x-webkit-deflate-frame"; "permessage-bzip2"; "Permessage-deflate" |]
        else
            "permessage-deflate"

    name :: [ for _ in 1 .. dice.Size 4 -> dice.Pick parameters ]
    |> String.concat "; "

let private generate (dice: Dice) : byte[] =
    String.Join(", ", [ for _ in 0 .. dice.Size 3 -> offer dice ])
    |> InputText.latin1

/// Adds a parameter, drops one, or doubles an offer.
let private mutate (dice: Dice) (data: byte[]) : byte[] =
    let separator: string = if dice.OneIn 4 then ", " else "; "
    let parts = ResizeArray((InputText.ofLatin1 data).Split separator)
    let at = dice.Below parts.Count

    match dice.Below 4 with
    | 0 -> parts.RemoveAt at
    | 1 -> parts.Insert(at, parts[at])
    | 2 -> parts[at] <- dice.Pick parameters
    | _ -> parts.Insert(at + 1, dice.Pick parameters)

    InputText.latin1 (String.Join(separator, parts))

let target: Target = {
    Name = "deflate-offers"
    About = "Sec-WebSocket-Extensions, against servers of all kinds"
    Words = parameters |> Array.map InputText.latin1
    MaxSize = 600
    Generate = generate
    Mutate = mutate
    Execute = execute
}
