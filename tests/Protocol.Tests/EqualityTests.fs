/// Values that are compared by what they hold.
module FunctionalWs.Protocol.Tests.EqualityTests

open System
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private limits = Limits.Create(1_000, 500, 10)

let private user: BasicCredentials = { Username = "a"; Password = "b" }

/// What a server's answer of these fields leads to; the nonce is that of RFC 6455 §1.3.
let private answered (status: int) (fields: (string * string) list) : ClientResult =
    let offer =
        ClientOffer.Default.WithSubprotocols("chat", "v2").WithCompression DeflateOffer.Default

    let request =
        ClientHandshake.request (ReadOnlySpan "the sample nonce"B) offer (WebSocketUri.Parse "ws://h/")

    ClientHandshake.check request {
        Version = "HTTP/1.1"
        StatusCode = status
        ReasonPhrase = ""
        Headers = Headers.Create [ for name, value in fields -> KeyValuePair(name, value) ]
    }

let private first (challenges: AuthChallenges) : obj =
    (challenges :> IReadOnlyList<AuthChallenge>)[0]

let private agreement (fields: (string * string) list) : ClientAgreement =
    let opening = [
        "Upgrade", "websocket"
        "Connection", "Upgrade"
        "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    ]

    match answered 101 (opening @ fields) with
    | ClientResult.Opened agreement -> agreement
    | other -> failwith $"{other}"

let private challenges (text: string) : AuthChallenges =
    match answered 401 [ "WWW-Authenticate", text ] with
    | ClientResult.Refused(ClientHandshakeError.AuthenticationRequired(_, challenges)) -> challenges
    | other -> failwith $"{other}"

let private outcome (state: State) : Transition =
    Connection.receive ConnectionSettings.Server state Input.EndOfStream

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
    "what is left of a character", Utf8State(), Utf8.start, []
    "a URI",
    WebSocketUri.Parse "wss://a:b@h/x",
    WebSocketUri.Parse "WSS://a:b@H:443/x",
    [
        WebSocketUri.Parse "ws://a:b@h:443/x"
        WebSocketUri.Parse "wss://h/x"
        WebSocketUri.Parse "wss://a:b@h/y"
    ]
    "an offer",
    ClientOffer.Default.WithSubprotocols("a").WithCredentials user,
    ClientOffer.Default.WithCredentials(user).WithSubprotocols "a",
    [
        ClientOffer.Default
        ClientOffer.Default.WithSubprotocols("b").WithCredentials user
        ClientOffer.Default.WithSubprotocols "a"
    ]
    "an agreement",
    agreement [ "Sec-WebSocket-Protocol", "chat" ],
    agreement [ "Sec-WebSocket-Protocol", "chat" ],
    [
        agreement [ "Sec-WebSocket-Protocol", "v2" ]
        agreement [
            "Sec-WebSocket-Protocol", "chat"
            "Sec-WebSocket-Extensions", "permessage-deflate"
        ]
    ]
    "challenges",
    challenges "Basic realm=a, Bearer",
    challenges "Basic  realm=\"a\",  Bearer",
    [ challenges "Basic realm=a"; challenges "Bearer, Basic realm=a" ]
    "a challenge",
    first (challenges "Basic realm=a"),
    first (challenges "Basic realm=\"a\""),
    [ first (challenges "Basic realm=b"); first (challenges "Basic a==") ]
    "an outcome",
    outcome (State.Open(ValueNone, ValueNone)),
    outcome (State.Open(ValueNone, ValueNone)),
    [
        Unchecked.defaultof<Transition>
        outcome (State.CloseSent(CloseStatus.NoStatus, ValueNone))
    ]
    "no outcome", Unchecked.defaultof<Transition>, Unchecked.defaultof<Transition>, []
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
