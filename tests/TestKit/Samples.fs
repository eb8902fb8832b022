/// Values of every public type of the protocol, those of unions and records made by reflection. Compiled by the tests that look at
/// all types at once.
module FunctionalWs.Tests.Samples

open System
open System.Buffers
open System.Collections.Generic
open System.Net
open System.Reflection
open Microsoft.FSharp.Reflection
open FunctionalWs.Protocol

let secret = "s3cr3t"

let private headers =
    Headers.Empty
        .Add("Host", "h")
        .Add("Authorization", secret)
        .Add("Cookie", secret)
        .Add("Set-Cookie", secret)

let private uri = WebSocketUri.Parse $"ws://bob:{secret}@example.com/chat"

let private offer =
    ClientOffer.Default.WithSubprotocols("chat").WithHeader("Cookie", secret).WithCredentials {
        Username = "bob"
        Password = secret
    }

let private asked =
    ClientHandshake.request (ReadOnlySpan "the sample nonce"B) offer uri

let head: ResponseHead = {
    Version = "HTTP/1.1"
    StatusCode = 101
    ReasonPhrase = "Switching Protocols"
    Headers =
        headers
            .Add("Upgrade", "websocket")
            .Add("Connection", "Upgrade")
            .Add("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
}

let private agreement =
    match ClientHandshake.check asked head with
    | ClientResult.Opened agreement -> agreement
    | other -> failwith $"{other}"

let private challenges =
    let refused = {
        head with
            StatusCode = 401
            Headers = Headers.Empty.Add("WWW-Authenticate", "Basic realm=r, Bearer")
    }

    match ClientHandshake.check asked refused with
    | ClientResult.Refused(ClientHandshakeError.AuthenticationRequired(_, challenges)) -> challenges
    | other -> failwith $"{other}"

let utf8State (bytes: byte[]) =
    match Utf8.validate Utf8.start (ReadOnlySpan bytes) with
    | Utf8Result.Valid state -> state
    | Utf8Result.Invalid position -> failwith $"{position}"

let private deflate =
    DeflateOffer.Create(false, true, Nullable 10, Nullable(), false)

let private decoder = {
    new PayloadDecoder() with
        override _.Decode(_, _, _, _) = ValueNone
        override _.Decoded = ReadOnlySpan.Empty
        override _.Skip _ = ()
        override _.ToString() = "a decoder of a user's own"
}

/// What reflection can't make by the rules of the type, made anew.
let made () : obj list = [
    CloseCode.GoingAway
    CloseStatus.NoStatus
    CloseStatus.Create(CloseCode.GoingAway, "bye")
    ControlPayload.Create(ReadOnlySpan "abc"B)
    Limits.Default
    Limits.Create(1L, 2L, 3)
    Utf8.start
    utf8State [| 0xF0uy |]
    utf8State [| 0xE2uy; 0x82uy |]
    headers
    Query.Parse $"token={secret}"
    HeadLimits.Default
    HandshakePolicy(subprotocols = [ "chat" ])
    HandshakePolicy(origins = [ OriginRule.Absent ])
    RequestReader()
    ResponseReader()
    BodyReader.Create(10L, "GET", head)
    Response.Text(200, "x").WithHeader("Set-Cookie", secret)
    uri
    offer
    asked
    agreement
    deflate
    DeflatePolicy.Default
    DeflatePolicy.Create(true, true, Nullable 9, Nullable 10, true)
    challenges
    Seq.head challenges
    Timeouts.Never
    Timeouts.Never.WithOpening(TimeSpan.FromSeconds 10.0)
    ReadAhead.Unlimited
    ReadAhead.Create(16, 4, 1_048_576L)
    { Username = "bob"; Password = secret }
    decoder
    WebSocketEndpoint.Create ConnectionSettings.Server
    WebSocketEndpoint.Create ConnectionSettings.Client
    ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server)
    EquatableList.Create [ "chat" ]
    EquatableList.Create<ExtensionParameter> []
    EquatableList.Create<ExtensionOffer> []
    // Of .NET
    0L
    0
    7uy
    7u
    7us
    true
    "x"
    TimeSpan.Zero
    [| 1uy |]
    ReadOnlySequence<byte>([| 1uy |])
    IPEndPoint(IPAddress.Loopback, 80)
    IPAddress.Loopback
    Predicate<string>(fun _ -> true)
    KeyValuePair("realm", "x")
]

let isUnionCase (t: Type) =
    not (isNull t.DeclaringType) && FSharpType.IsUnion t.DeclaringType

/// Values of a type: for unions at least one of each case.
let rec samplesOf (made: obj list) (t: Type) : obj list =
    let samples = samplesOf made

    let first (field: PropertyInfo) =
        List.tryHead (samples field.PropertyType)

    let filled (fields: PropertyInfo[]) (make: obj[] -> obj) : obj list =
        let values = fields |> Array.map first

        if Array.forall Option.isSome values then
            [ make (Array.map Option.get values) ]
        else
            []

    match List.filter t.IsInstanceOfType made with
    | _ :: _ as values -> values
    | [] when t.IsEnum -> [ for value in t.GetEnumValues() -> value ]
    | [] when t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<_ list> ->
        let case = FSharpType.GetUnionCases(t)[0]
        [ FSharpValue.MakeUnion(case, [||]) ]
    | [] when t.IsGenericType && t.IsInterface -> [ Array.CreateInstance(t.GetGenericArguments()[0], 0) ]
    | [] when FSharpType.IsUnion t -> [
        for case in FSharpType.GetUnionCases t do
            yield! filled (case.GetFields()) (fun values -> FSharpValue.MakeUnion(case, values))
      ]
    | [] when FSharpType.IsRecord t ->
        filled (FSharpType.GetRecordFields t) (fun values -> FSharpValue.MakeRecord(t, values))
    | [] -> []
