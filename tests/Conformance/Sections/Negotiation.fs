/// Section 10: agreeing on permessage-deflate (RFC 7692 §5.1, §7.1).
module FunctionalWs.Conformance.Sections.Negotiation

open FunctionalWs.Conformance
open FunctionalWs.Conformance.Compression
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private server, client = "server_max_window_bits", "client_max_window_bits"

let private serverForgets, clientForgets =
    "server_no_context_takeover", "client_no_context_takeover"

/// What an answer may say to an offer.
let private check (peer: Peer) (value: string) (check: FunctionalWs.Protocol.ExtensionOffer -> unit) =
    let agreed = offer value peer
    check agreed
    let known = [ server; client; serverForgets; clientForgets ]

    for parameter in agreed.Parameters do
        if not (List.contains parameter.Name known) then
            failed $"the server says {parameter.Name}"

    if
        agreed.Parameters |> Seq.distinctBy _.Name |> Seq.length
        <> agreed.Parameters.Count
    then
        failed "the server says something twice"

    if has client agreed && not (value.Contains client) then
        failed $"the server says {client}, which the client didn't"

    closeCleanly peer

let private accepted = {
    Title = "Offers that are agreed to, or declined as a whole"
    Cases = [
        case "no parameters" "An answer that goes with the offer." (fun peer -> check peer deflate ignore)

        for bits in 9..15 do
            case $"{server}={bits}" $"{server} of at most {bits}." (fun peer ->
                check peer $"{deflate}; {server}={bits}" (fun agreed ->
                    match bitsOf server agreed with
                    | Some found when found <= bits -> ()
                    | Some found -> failed $"the server chose {found}"
                    | None when bits = 15 -> ()
                    | None -> failed "the server says nothing of its window"))

        for bits in 8..15 do
            case $"{client}={bits}" $"{client} of at most {bits}, or nothing about it." (fun peer ->
                check peer $"{deflate}; {client}={bits}" (fun agreed ->
                    match bitsOf client agreed with
                    | Some found when found > bits -> failed $"the server chose {found}"
                    | Some _
                    | None -> ()))

        case client "An answer that goes with the offer." (fun peer ->
            check peer $"{deflate}; {client}" ignore)

        case serverForgets $"{serverForgets}." (fun peer ->
            check peer $"{deflate}; {serverForgets}" (fun agreed ->
                if not (has serverForgets agreed) then
                    failed $"the server doesn't say {serverForgets}"))

        case clientForgets "An answer that goes with the offer." (fun peer ->
            check peer $"{deflate}; {clientForgets}" ignore)

        case "all parameters" $"{serverForgets}, and windows of at most 10 bits." (fun peer ->
            check
                peer
                $"{deflate}; {serverForgets}; {clientForgets}; {server}=10; {client}=10"
                (fun agreed ->
                    if
                        not (has serverForgets agreed)
                        || bitsOf server agreed |> Option.forall (fun bits -> bits > 10)
                    then
                        failed "the answer doesn't go with the offer"))

        case "a value in quotes" $"{server} of at most 12." (fun peer ->
            check peer $"{deflate}; {server}=\"12\"" (fun agreed ->
                if bitsOf server agreed |> Option.forall (fun bits -> bits > 12) then
                    failed "the answer doesn't go with the offer"))

        case "blanks where they may be" "An answer that goes with the offer." (fun peer ->
            check peer $"{deflate} ;  {client} ; {server}=12" ignore)
    ]
}

/// An offer that nobody may agree to (RFC 7692 §7.1); the connection opens without it.
let private declines (text: string) (value: string) : Case =
    case text "101 without an extension." (fun peer ->
        match openOffering value peer with
        | None -> closeCleanly peer
        | Some agreed -> failed $"the server agreed: {agreed}")

let private wrong = [
    "an unknown parameter", $"{deflate}; unknown"
    "an unknown parameter with a value", $"{deflate}; unknown=1"
    $"{server} without a value", $"{deflate}; {server}"
    for bits in [ "7"; "16"; "0"; "-1"; "08"; "1e1"; "x"; "99999999999" ] do
        $"{server}={bits}", $"{deflate}; {server}={bits}"
        $"{client}={bits}", $"{deflate}; {client}={bits}"
    $"{serverForgets} with a value", $"{deflate}; {serverForgets}=1"
    $"{clientForgets} with a value", $"{deflate}; {clientForgets}=1"
    for parameter in [ $"{server}=10"; $"{client}"; serverForgets; clientForgets ] do
        $"{parameter} twice", $"{deflate}; {parameter}; {parameter}"
    "another extension", "permessage-bzip2"
]

let private declined = {
    Title = "Offers that are declined"
    Cases = [ for text, value in wrong -> declines text value ]
}

let private fallbacks = {
    Title = "The next offer is looked at after one that is declined"
    Cases = [
        for text, value in wrong |> List.filter (fun (_, value) -> value.StartsWith deflate) do
            case text "The second offer is agreed to." (fun peer ->
                check peer $"{value}, {deflate}; {server}=11" (fun agreed ->
                    if bitsOf server agreed |> Option.forall (fun bits -> bits > 11) then
                        failed "the answer doesn't go with the second offer"))
    ]
}

let section: Section = {
    Name = "Agreeing on compression"
    Groups = [ accepted; declined; fallbacks ]
}
