module FunctionalWs.Protocol.Tests.DeflateNegotiationTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private offers (header: string) : ExtensionOffer list =
    match HeaderGrammar.parseExtensions header with
    | Ok offers -> List.ofSeq offers
    | Error error -> failwith $"{error}"

let private parameters (offer: string) = (offers offer).Head.Parameters

let private name = DeflateNegotiation.Name

let private bits (value: int option) = Option.toNullable value

let private policy serverForgets clientForgets server client requires =
    DeflatePolicy.Create(serverForgets, clientForgets, bits server, bits client, requires)

let private noLimits = policy false false None None false
let private limited = policy false false (Some 12) (Some 12) false

let private accept (policy: DeflatePolicy) (offer: string) : DeflateAgreement =
    match DeflateNegotiation.accept policy (parameters offer) with
    | Ok agreement -> agreement
    | Error refusal -> failwith $"declined: {refusal}"

let private response (agreement: DeflateAgreement) : string =
    HeaderGrammar.renderExtensions [
        {
            Name = name
            Parameters = agreement.Parameters
        }
    ]

let private refusal (policy: DeflatePolicy) (offer: string) : DeflateRefusal =
    match DeflateNegotiation.accept policy (parameters offer) with
    | Ok agreement -> failwith $"accepted: {response agreement}"
    | Error refusal -> refusal

/// One parameter of the matrix: what the server has, what the client offers, what is answered, and the effect.
let private takeover = [
    // server's, client's, offered, response, server forgets, client forgets
    false, false, "", "", false, false
    false, false, "; server_no_context_takeover", "; server_no_context_takeover", true, false
    true, false, "", "; server_no_context_takeover", true, false
    true, false, "; server_no_context_takeover", "; server_no_context_takeover", true, false
    false, false, "; client_no_context_takeover", "; client_no_context_takeover", false, true
    false, true, "", "; client_no_context_takeover", false, true
    false, true, "; client_no_context_takeover", "; client_no_context_takeover", false, true
    true, true, "", "; server_no_context_takeover; client_no_context_takeover", true, true
]

let private serverWindow = [
    // server's, offered, response, window
    None, "", "", 15
    None, "; server_max_window_bits=9", "; server_max_window_bits=9", 9
    None, "; server_max_window_bits=10", "; server_max_window_bits=10", 10
    None, "; server_max_window_bits=15", "; server_max_window_bits=15", 15
    None, "; server_max_window_bits=\"10\"", "; server_max_window_bits=10", 10
    Some 12, "", "", 12
    Some 9, "", "", 9
    Some 12, "; server_max_window_bits=10", "; server_max_window_bits=10", 10
    Some 12, "; server_max_window_bits=12", "; server_max_window_bits=12", 12
    Some 12, "; server_max_window_bits=15", "; server_max_window_bits=12", 12
    Some 9, "; server_max_window_bits=15", "; server_max_window_bits=9", 9
]

let private clientWindow = [
    None, "", "", 15
    None, "; client_max_window_bits", "", 15
    None, "; client_max_window_bits=8", "; client_max_window_bits=8", 8
    None, "; client_max_window_bits=15", "; client_max_window_bits=15", 15
    Some 12, "", "", 15
    Some 12, "; client_max_window_bits", "; client_max_window_bits=12", 12
    Some 12, "; client_max_window_bits=10", "; client_max_window_bits=10", 10
    Some 12, "; client_max_window_bits=12", "; client_max_window_bits=12", 12
    Some 12, "; client_max_window_bits=15", "; client_max_window_bits=12", 12
    Some 8, "; client_max_window_bits=15", "; client_max_window_bits=8", 8
]

let private declined = [
    "unknown_parameter", DeflateRefusal.UnknownParameter "unknown_parameter"
    "server_no_context_takeover=true", DeflateRefusal.InvalidValue("server_no_context_takeover", "true")
    "client_no_context_takeover=1", DeflateRefusal.InvalidValue("client_no_context_takeover", "1")
    "server_max_window_bits", DeflateRefusal.InvalidValue("server_max_window_bits", null)
    "Server_max_window_bits=10", DeflateRefusal.UnknownParameter "Server_max_window_bits"
    "server_max_window_bits=8", DeflateRefusal.WindowTooSmall
    "server_no_context_takeover; server_no_context_takeover",
    DeflateRefusal.RepeatedParameter "server_no_context_takeover"
    "client_max_window_bits; client_max_window_bits=10",
    DeflateRefusal.RepeatedParameter "client_max_window_bits"
    for bits in
        [
            "0"
            "7"
            "16"
            "08"
            "012"
            "1e1"
            "-9"
            "+9"
            "10.0"
            "99999999999"
            "0x0A"
            "abc"
        ] do
        $"server_max_window_bits={bits}", DeflateRefusal.InvalidValue("server_max_window_bits", bits)
        $"client_max_window_bits={bits}", DeflateRefusal.InvalidValue("client_max_window_bits", bits)
]

[<Tests>]
let matrix =
    testList "negotiating permessage-deflate" [
        testTheory
            "decides who may refer to earlier messages"
            takeover
            (fun (server, client, offered, answered, serverForgets, clientForgets) ->
                let agreement = accept (policy server client None None false) (name + offered)
                response agreement =! name + answered
                agreement.ServerNoContextTakeover =! serverForgets
                agreement.ClientNoContextTakeover =! clientForgets)

        testTheory "decides on the server's window" serverWindow (fun (server, offered, answered, window) ->
            let agreement = accept (policy false false server None false) (name + offered)
            response agreement =! name + answered
            agreement.ServerMaxWindowBits =! window)

        testTheory "decides on the client's window" clientWindow (fun (client, offered, answered, window) ->
            let agreement = accept (policy false false None client false) (name + offered)
            response agreement =! name + answered
            agreement.ClientMaxWindowBits =! window)

        testTheory
            "declines an offer with a parameter that it doesn't understand"
            declined
            (fun (offered, expected) ->
                refusal noLimits $"{name}; {offered}" =! expected
                refusal limited $"{name}; {offered}" =! expected)

        testCase "declines a client whose window can't be limited, where it has to be" (fun () ->
            let policy = policy false false None (Some 12) true
            refusal policy name =! DeflateRefusal.ClientMaxWindowBitsMissing

            response (accept policy $"{name}; client_max_window_bits")
            =! $"{name}; client_max_window_bits=12")

        testCase "uses a window of 12 bits, if so set, without telling a client that didn't ask" (fun () ->
            let bare = accept limited name
            response bare =! name
            bare.ServerMaxWindowBits =! 12

            response (accept limited $"{name}; client_max_window_bits")
            =! $"{name}; client_max_window_bits=12")

        testCase "writes the parameters in one order, whatever the offer's" (fun () ->
            let offered =
                $"{name}; client_max_window_bits=9; server_max_window_bits=10; client_no_context_takeover; server_no_context_takeover"

            response (accept noLimits offered)
            =! $"{name}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9")

        testCase "takes the first offer that will do" (fun () ->
            let accepted header =
                DeflateNegotiation.acceptFirst limited (offers header)
                |> ValueOption.map response

            accepted $"{name}; server_max_window_bits=8, {name}; server_max_window_bits=10, {name}"
            =! ValueSome $"{name}; server_max_window_bits=10"

            accepted $"other, {name}; wrong, x-{name}" =! ValueNone

            let many =
                String.concat ", " [
                    for i in 1..1_000 do
                        $"{name}; p{i}"
                    name
                ]

            accepted many =! ValueSome name)

        testTheory
            "refuses settings out of their range, telling value and range"
            [
                Some 8, None, "serverMaxWindowBits", "9 to 15"
                Some 16, None, "serverMaxWindowBits", "9 to 15"
                None, Some 7, "clientMaxWindowBits", "8 to 15"
                None, Some 16, "clientMaxWindowBits", "8 to 15"
            ]
            (fun (server, client, parameter, range) ->
                let error =
                    try
                        policy false false server client false |> ignore
                        failwith "accepted"
                    with :? ArgumentOutOfRangeException as error ->
                        error

                error.ParamName =! parameter
                test <@ error.Message.Contains range @>)

        testCase "refuses to require a limit that is not set" (fun () ->
            raises<ArgumentException> <@ policy false false None None true @>)

        testProperty
            "never agrees to more than both sides allow"
            (fun (server: int) (client: int) (asked: int) (said: int) ->
                let within least value = least + abs (value % (16 - least))
                let server, client = within 9 server, within 8 client
                let asked, said = within 9 asked, within 8 said
                let offer = $"{name}; server_max_window_bits={asked}; client_max_window_bits={said}"
                let agreement = accept (policy false false (Some server) (Some client) false) offer
                agreement.ServerMaxWindowBits =! min server asked
                agreement.ClientMaxWindowBits =! min client said)
    ]
