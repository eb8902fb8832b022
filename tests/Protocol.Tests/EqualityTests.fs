/// Values that are compared by what they hold.
module FunctionalWs.Protocol.Tests.EqualityTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private limits = Limits.Create(1_000, 500, 10)

/// A value, the same made anew, and others of its type.
let private values: (string * obj * obj * obj list) list = [
    "limits",
    limits,
    Limits.Create(1_000, 500, 10),
    [
        Limits.Create(1_001, 500, 10)
        Limits.Create(1_000, 501, 10)
        Limits.Create(1_000, 500, 11)
    ]
    "marks",
    ReadAhead.Create(2, 1, 10L),
    ReadAhead.Create(2, 1, 10L),
    [ ReadAhead.Create(3, 1, 10L); ReadAhead.Create(2, 1, 11L) ]
    "a policy for compression",
    DeflatePolicy.Create(true, false, Nullable 12, Nullable(), false),
    DeflatePolicy.Create(true, false, Nullable 12, Nullable(), false),
    [
        DeflatePolicy.Create(false, false, Nullable 12, Nullable(), false)
        DeflatePolicy.Create(true, false, Nullable 11, Nullable(), false)
    ]
    "an offer of compression",
    DeflateOffer.Create(true, false, Nullable 12, Nullable(), false),
    DeflateOffer.Create(true, false, Nullable 12, Nullable(), false),
    [
        DeflateOffer.Create(false, false, Nullable 12, Nullable(), false)
        DeflateOffer.Create(true, false, Nullable 11, Nullable(), false)
    ]
    "timeouts", Timeouts.Never, Timeouts.Never, []
    "a policy for handshakes",
    HandshakePolicy(subprotocols = [ "chat" ]),
    HandshakePolicy(subprotocols = [ "chat" ]),
    [ HandshakePolicy.Default; HandshakePolicy(subprotocols = [ "other" ]) ]
]

[<Tests>]
let tests =
    testList "equality of what is asked for" [
        for name, value, same, others in values do
            testCase $"{name}: by what it holds, and never with another type or null" (fun () ->
                value.Equals same =! true
                value.GetHashCode() =! same.GetHashCode()
                [ for other in others -> value.Equals other ] =! [ for _ in others -> false ]
                value.Equals "text" =! false
                value.Equals null =! false)
    ]
