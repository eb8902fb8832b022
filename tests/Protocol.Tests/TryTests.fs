/// What F# has as a result, as C# asks for it.
module FunctionalWs.Protocol.Tests.TryTests

open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private parameter (name: string) (value: string | null) : ExtensionParameter = {
    Name = name
    Value = value
}

/// What a function that tries leaves, as the result that its twin gives.
let private left (succeeded: bool) (value: 'T | null) (error: 'Error) : Result<'T, 'Error> =
    match succeeded, value with
    | true, NonNull value -> Ok value
    | false, Null -> Error error
    | true, Null -> failwith "It succeeded and left nothing."
    | false, NonNull value -> failwith $"It failed and left {value}."

let private headers (fields: (string * string) list) : Headers =
    Headers.Create [ for name, value in fields -> KeyValuePair(name, value) ]

let private request (host: string) (extensions: string) : Request = {
    Method = "GET"
    Target = "/"
    Version = "HTTP/1.1"
    Headers = headers [ "Host", host; "Sec-WebSocket-Extensions", extensions ]
}

[<Tests>]
let tries =
    testList "what C# tries" [
        testTheory
            "of a header is what F# parses"
            [ "a, b"; "websocket, h2c/1"; "a; b=1"; "Basic YTpi"; "a;;"; "@" ]
            (fun text ->
                let mutable error = Unchecked.defaultof<GrammarError>
                let mutable texts = null
                let mutable extensions = null
                let mutable credentials = null

                left (HeaderGrammar.tryParseTokens (text, &texts, &error)) texts error
                =! HeaderGrammar.parseTokens text

                texts <- null

                left (HeaderGrammar.tryParseProtocols (text, &texts, &error)) texts error
                =! HeaderGrammar.parseProtocols text

                left (HeaderGrammar.tryParseExtensions (text, &extensions, &error)) extensions error
                =! HeaderGrammar.parseExtensions text

                left (HeaderGrammar.tryParseCredentials (text, &credentials, &error)) credentials error
                =! HeaderGrammar.parseCredentials text)

        testTheory "of credentials is what F# reads" [ "Basic YTpi"; "Bearer abc"; "junk" ] (fun text ->
            let headers = headers [ "Authorization", text ]
            let mutable error = Unchecked.defaultof<AuthorizationError>
            let mutable basic = null
            let mutable token = null

            left (Authorization.tryBasic (headers, &basic, &error)) basic error
            =! Authorization.basic headers

            left (Authorization.tryBearer (headers, &token, &error)) token error
            =! Authorization.bearer headers)

        testTheory
            "of a request is what F# finds"
            [ request "a.example" "x; y=1"; request "@" ";" ]
            (fun request ->
                let mutable error = Unchecked.defaultof<HandshakeError>
                let mutable host = null
                let mutable offers = null

                left (Handshake.tryHostOf (request, &host, &error)) host error
                =! Handshake.hostOf request

                left (Handshake.tryOfferedExtensions (request, &offers, &error)) offers error
                =! Handshake.offeredExtensions request)

        testTheory
            "of permessage-deflate is what F# negotiates"
            [ []; [ parameter "server_max_window_bits" "8" ]; [ parameter "junk" null ] ]
            (fun parameters ->
                let mutable refusal = Unchecked.defaultof<DeflateRefusal>
                let mutable agreement = null
                let policy, offer = DeflatePolicy.Default, DeflateOffer.Default

                left
                    (DeflateNegotiation.tryAccept (policy, parameters, &agreement, &refusal))
                    agreement
                    refusal
                =! DeflateNegotiation.accept policy parameters

                agreement <- null

                left
                    (DeflateNegotiation.tryConfirm (offer, parameters, &agreement, &refusal))
                    agreement
                    refusal
                =! DeflateNegotiation.confirm offer parameters)
    ]
