/// What values look like where people see them: in F# Interactive, in a debugger, in a message. Values of every public type are made,
/// those of unions and records by reflection.
module FunctionalWs.Protocol.Tests.TextTests

open System
open System.Buffers
open System.Collections.Generic
open System.Net
open System.Reflection
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Protocol

let private secret = "s3cr3t"

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

let private head: ResponseHead = {
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

let private utf8State (bytes: byte[]) =
    match Utf8.validate Utf8.start (ReadOnlySpan bytes) with
    | Valid state -> state
    | Invalid position -> failwith $"{position}"

let private deflate =
    DeflateOffer.Create(false, true, Nullable 10, Nullable(), false)

let private decoder = {
    new PayloadDecoder() with
        override _.Decode(_, _, _, _) = ValueNone
        override _.Decoded = ReadOnlySpan.Empty
        override _.Skip _ = ()
        override _.ToString() = "a decoder of a user's own"
}

/// What reflection can't make by the rules of the type.
let private made: obj list = [
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

let private madeOf (t: Type) = made |> List.filter t.IsInstanceOfType

let private isUnionCase (t: Type) =
    not (isNull t.DeclaringType) && FSharpType.IsUnion t.DeclaringType

/// Values of a type: for unions at least one of each case.
let rec private samples (t: Type) : obj list =
    let first (field: PropertyInfo) =
        List.tryHead (samples field.PropertyType)

    let filled (fields: PropertyInfo[]) (make: obj[] -> obj) : obj list =
        let values = fields |> Array.map first

        if Array.forall Option.isSome values then
            [ make (Array.map Option.get values) ]
        else
            []

    match madeOf t with
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

let private publicTypes =
    typeof<WebSocketEndpoint>.Assembly.GetExportedTypes()
    |> Array.filter (fun t ->
        not (t.IsAbstract && t.IsSealed)
        && not (isUnionCase t)
        && not (typeof<Attribute>.IsAssignableFrom t)
        && not (typeof<Exception>.IsAssignableFrom t))
    |> Array.map (fun t ->
        if t.IsGenericTypeDefinition then
            t.MakeGenericType typeof<string>
        else
            t)

let private texts (value: obj) = [
    value.ToString()
    $"{value}"
    $"%A{value}"
    $"%+A{value}"
    $"%A{Some value}"
    $"%A{[ value ]}"
]

/// Fields that only their own file knows: not those of these names that everybody may know.
let private privateFields (t: Type) : string list = [
    if FSharpType.IsRecord(t, true) && not (FSharpType.IsRecord t) then
        for field in FSharpType.GetRecordFields(t, BindingFlags.NonPublic) do
            $"{field.Name} ="
]

let private mistakes (t: Type) : string list =
    match samples t with
    | [] -> [ $"{t}: no value" ]
    | values -> [
        for value in values do
            for text in texts value do
                for unwanted in
                    "FunctionalWs.Protocol."
                    :: "private"
                    :: "@"
                    :: "k__"
                    :: secret
                    :: privateFields t do
                    if text.Contains(unwanted, StringComparison.Ordinal) then
                        $"{t}: {text}"
      ]

/// As F# Interactive and `ToString` show it.
let private shown (value: obj) (expected: string) =
    $"%A{value}" =! expected
    value.ToString() =! expected

[<Tests>]
let tests =
    testList "the text of values" [
        testCase "has no names of the assembly's own, no private fields and no secrets" (fun () ->
            let wrong = publicTypes |> Seq.collect mistakes |> Seq.distinct |> List.ofSeq

            if not wrong.IsEmpty then
                failwith (String.Join("\n", wrong)))

        testCase
            "is how F# writes a case, and a sentence or the form on the wire for what is checked when it is made"
            (fun () ->
                shown (Incoming.Data(MessageKind.Text, true)) "Data (Text, true)"
                shown (Command.Close(CloseStatus.Create(CloseCode.GoingAway, "bye"))) "Close 1001 bye"
                shown (Closure.Lost ValueNone) "Lost ValueNone"
                shown (State.Open(ValueNone, ValueNone)) "Open (ValueNone, ValueNone)"

                shown
                    (WebSocketEndpoint.Create ConnectionSettings.Server)
                    "Server, Open (ValueNone, ValueNone)"

                shown (CloseCode.GoingAway) "1001"
                shown (Due.Passed Overdue.Message) "Passed Message"
                shown (ProtocolError.MaskMissing.Section) "RFC 6455 §5.1"

                shown
                    {
                        Error = ProtocolError.ControlFrameFragmented Opcode.Ping
                        Offset = 12L
                    }
                    "fragmented control frame (RFC 6455 §5.5, at byte 12)"

                shown Limits.Default "messages of up to 1048576 bytes in up to 262144 frames of any size"

                shown
                    (Limits.Create(1L, 2L, 3))
                    "messages of up to 1 bytes in up to 3 frames of up to 2 bytes"

                shown (utf8State [||]) "complete"
                shown (utf8State [| 0xE2uy; 0x82uy |]) "1 byte missing"
                shown (utf8State [| 0xF0uy |]) "3 bytes missing"
                shown Timeouts.Never "no limits"

                shown
                    (Timeouts.Never
                        .WithOpening(TimeSpan.FromSeconds 10.0)
                        .WithPing(TimeSpan.FromSeconds 20.0, TimeSpan.FromSeconds 5.0))
                    "opening 00:00:10, ping every 00:00:20, answered within 00:00:05"

                shown ReadAhead.Unlimited "no marks"
                shown (ReadAhead.Create(16, 4, 1_048_576L)) "16 messages, on at 4; 1048576 bytes"

                shown
                    (ReadAhead.Create(1, 0, Int64.MaxValue))
                    "1 messages, on at 0; 9223372036854775807 bytes"

                shown (RequestReader()) "a head of which 0 lines have been read, 0 bytes"

                shown
                    (HandshakePolicy(subprotocols = [ "a"; "b" ]))
                    "origins: any; subprotocols: [a, b]; Server: FunctionalWs"

                shown
                    (HandshakePolicy(origins = [ OriginRule.Absent ], serverHeader = null))
                    "origins: 1; subprotocols: []; Server: "

                shown DeflatePolicy.Default "as clients like"

                shown
                    (DeflatePolicy.Create(true, true, Nullable 9, Nullable 10, true))
                    "server without context, client without context, server window 9, client window 10, required"

                match RequestReader().Read(ReadOnlySpan "GET / HTTP/1.1\r\nHost: h\r\nX"B) with
                | RequestParse.Incomplete next ->
                    shown next "a head of which 2 lines have been read, 25 bytes"
                | other -> failwith $"{other}"

                shown
                    (BodyReader.Create(10L, "GET", { head with StatusCode = 200 }))
                    "a body (UntilEnd) of which 0 bytes have been read, at most 10")
    ]
