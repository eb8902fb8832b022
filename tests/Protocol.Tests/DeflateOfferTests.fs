module FunctionalWs.Protocol.Tests.DeflateOfferTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Protocol

let private name = DeflateNegotiation.Name

let private parameters (header: string) : EquatableList<ExtensionParameter> =
    match HeaderGrammar.parseExtensions header with
    | Ok offers when offers.Count = 1 -> offers[0].Parameters
    | other -> failwith $"{other}"

let private offer serverForgets clientForgets (server: int option) (client: int option) requires =
    DeflateOffer.Create(
        serverForgets,
        clientForgets,
        Option.toNullable server,
        Option.toNullable client,
        requires
    )

let private bare = offer false false None None false
let private strict = offer true false (Some 10) (Some 12) true

/// What settings offer.
let private offered = [
    DeflateOffer.Default, "; client_max_window_bits"
    bare, ""
    offer false false None (Some 15) false, "; client_max_window_bits"
    offer false false None (Some 12) false, "; client_max_window_bits=12"
    offer false true None None false, "; client_no_context_takeover"
    offer true false None None true, "; server_no_context_takeover"
    offer true false None None false, $"; server_no_context_takeover, {name}"
    offer false false (Some 10) (Some 15) false,
    $"; server_max_window_bits=10; client_max_window_bits, {name}; client_max_window_bits"
    strict, "; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12"
]

/// RFC 7692 §7.1: what a client offered, what the server answers, and what a client has to think of it.
let private refused = [
    DeflateOffer.Default, "; unknown", DeflateRefusal.UnknownParameter "unknown"
    DeflateOffer.Default,
    "; client_max_window_bits",
    DeflateRefusal.InvalidValue("client_max_window_bits", null)
    DeflateOffer.Default,
    "; client_max_window_bits=16",
    DeflateRefusal.InvalidValue("client_max_window_bits", "16")
    DeflateOffer.Default,
    "; server_max_window_bits",
    DeflateRefusal.InvalidValue("server_max_window_bits", null)
    DeflateOffer.Default,
    "; server_max_window_bits=07",
    DeflateRefusal.InvalidValue("server_max_window_bits", "07")
    DeflateOffer.Default,
    "; server_no_context_takeover=1",
    DeflateRefusal.InvalidValue("server_no_context_takeover", "1")
    DeflateOffer.Default,
    "; server_no_context_takeover; server_no_context_takeover",
    DeflateRefusal.RepeatedParameter "server_no_context_takeover"
    DeflateOffer.Default,
    "; client_max_window_bits=10; client_max_window_bits=10",
    DeflateRefusal.RepeatedParameter "client_max_window_bits"
    bare, "; client_max_window_bits=15", DeflateRefusal.NotOffered "client_max_window_bits"
    strict, "; server_max_window_bits=10", DeflateRefusal.Unanswered "server_no_context_takeover"
    strict, "; server_no_context_takeover", DeflateRefusal.Unanswered "server_max_window_bits"
    strict,
    "; server_no_context_takeover; server_max_window_bits=11",
    DeflateRefusal.WindowTooLarge("server_max_window_bits", 11, 10)
    strict,
    "; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13",
    DeflateRefusal.WindowTooLarge("client_max_window_bits", 13, 12)
]

/// What a client offered, what the server answers, and who forgets and refers back how far: server, client.
let private agreed = [
    DeflateOffer.Default, "", (false, false, 15, 15)
    DeflateOffer.Default, "; client_max_window_bits=8", (false, false, 15, 8)
    DeflateOffer.Default, "; server_max_window_bits=8", (false, false, 8, 15)
    DeflateOffer.Default,
    "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=\"10\"",
    (true, true, 9, 10)
    bare, "; client_no_context_takeover; server_max_window_bits=12", (false, true, 12, 15)
    offer false true None (Some 11) false, "", (false, true, 15, 11)
    offer true false (Some 10) (Some 12) false, "; server_max_window_bits=12", (false, false, 12, 12)
    strict, "; server_no_context_takeover; server_max_window_bits=10", (true, false, 10, 12)
    strict, "; server_no_context_takeover; server_max_window_bits=8", (true, false, 8, 12)
]

let private settings: Gen<DeflatePolicy * DeflateOffer> =
    gen {
        let! serverForgets, clientForgets, requiresClient =
            Gen.zip3
                (Gen.elements [ false; true ])
                (Gen.elements [ false; true ])
                (Gen.elements [ false; true ])

        let! serverBits = Gen.elements [ None; yield! List.map Some [ 9..15 ] ]
        let! clientBits = Gen.elements [ None; yield! List.map Some [ 8..15 ] ]

        let! offersServerForgets, offersClientForgets, requiresServer =
            Gen.zip3
                (Gen.elements [ false; true ])
                (Gen.elements [ false; true ])
                (Gen.elements [ false; true ])

        let! offeredServer = Gen.elements [ None; yield! List.map Some [ 8..15 ] ]
        let! offeredClient = Gen.elements [ None; yield! List.map Some [ 9..15 ] ]

        return
            DeflatePolicy.Create(
                serverForgets,
                clientForgets,
                Option.toNullable serverBits,
                Option.toNullable clientBits,
                requiresClient && clientBits.IsSome
            ),
            offer offersServerForgets offersClientForgets offeredServer offeredClient requiresServer
    }

[<Tests>]
let tests =
    testList "a client's permessage-deflate" [
        testTheory "offers what it is set to, the best first" offered (fun (offer, expected) ->
            HeaderGrammar.renderExtensions (DeflateNegotiation.offers offer)
            =! name + expected

            string offer =! name + expected
            $"%A{offer}" =! name + expected)

        testTheory
            "refuses an answer that doesn't go with what it offered"
            refused
            (fun (offer, answer, expected) ->
                DeflateNegotiation.confirm offer (parameters (name + answer)) =! Error expected)

        testTheory "takes over what a server answers" agreed (fun (offer, answer, expected) ->
            match DeflateNegotiation.confirm offer (parameters (name + answer)) with
            | Error refusal -> failwith $"refused: {refusal}"
            | Ok agreement ->
                (agreement.ServerNoContextTakeover,
                 agreement.ClientNoContextTakeover,
                 agreement.ServerMaxWindowBits,
                 agreement.ClientMaxWindowBits)
                =! expected

                agreement.Parameters =! parameters (name + answer))

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 2_000
            }
            "agrees with each of our servers on the same terms, whatever both are set to"
            (Prop.forAll (Arb.fromGen settings) (fun (policy, offer) ->
                match DeflateNegotiation.acceptFirst policy (DeflateNegotiation.offers offer) with
                | ValueNone -> ()
                | ValueSome server ->
                    match DeflateNegotiation.confirm offer server.Parameters with
                    | Error refusal -> failwith $"{offer} refuses {server}: {refusal}"
                    | Ok client ->
                        // The server may use a smaller window than it has told.
                        client.ServerMaxWindowBits >=! server.ServerMaxWindowBits

                        {
                            client with
                                ServerMaxWindowBits = server.ServerMaxWindowBits
                        }
                        =! server))

        testTheory
            "refuses settings out of their range, telling value and range"
            [
                Some 7, None, "serverMaxWindowBits", "8 to 15"
                Some 16, None, "serverMaxWindowBits", "8 to 15"
                None, Some 8, "clientMaxWindowBits", "9 to 15"
                None, Some 16, "clientMaxWindowBits", "9 to 15"
            ]
            (fun (server, client, parameter, range) ->
                let error =
                    try
                        offer false false server client false |> ignore
                        failwith "accepted"
                    with :? ArgumentOutOfRangeException as error ->
                        error

                error.ParamName =! parameter
                test <@ error.Message.Contains range @>)
    ]
