module FunctionalWs.Protocol.Tests.RefusalTests

open System
open System.Buffers
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private now = DateTimeOffset(2026, 11, 5, 8, 0, 0, TimeSpan.Zero)

let private policy =
    HandshakePolicy(
        origins = [ OriginRule.Exact Refusals.origin; OriginRule.Absent ],
        subprotocols = Refusals.subprotocols
    )

let private answer (request: string) : string =
    let response =
        match RequestReader().Read(ReadOnlySpan(Encoding.Latin1.GetBytes request)) with
        | RequestParse.Incomplete _ -> failwith "incomplete"
        | RequestParse.NotHttp -> failwith "no HTTP"
        | RequestParse.Malformed error ->
            Handshake.rejectHead error |> Answer.complete policy.ServerHeader now "GET"
        | RequestParse.Complete(request, _) ->
            match Handshake.respond policy now request with
            | HandshakeResult.Rejected(response, _) -> response
            | HandshakeResult.Accepted _ -> failwith "accepted"

    let bytes = ArrayBufferWriter<byte>()
    response.WriteTo bytes
    Encoding.UTF8.GetString bytes.WrittenSpan

[<Tests>]
let tests =
    testList "refusals, byte for byte" [
        testTheory "each rule has its status, headers and body" Refusals.all (fun refusal ->
            answer refusal.Request =! refusal.Expected "Thu, 05 Nov 2026 08:00:00 GMT")
    ]
