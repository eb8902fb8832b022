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
open FunctionalWs.Tests.Samples

let private samples = samplesOf (made ())

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
            "is what recordings say, and a sentence or the form on the wire for what is checked when it is made"
            (fun () ->
                shown (CloseCode.GoingAway) "1001"
                shown (Due.Passed Overdue.Message) "Passed Message"
                shown (ProtocolError.MaskMissing.Section) "RFC 6455 §5.1"

                shown
                    {
                        Error = ProtocolError.ControlFrameFragmented Opcode.Ping
                        Offset = 12L
                    }
                    "fragmented control frame (RFC 6455 §5.5, at byte 12)"

                shown
                    Limits.Default
                    "messages of up to 1048576 bytes in up to 262144 frames of unlimited size"

                shown
                    (Limits.Create(Limits.Unlimited, 2L, Int32.MaxValue))
                    "messages of unlimited size in unlimited frames of up to 2 bytes"

                shown (Limits.Create(1L, 0L, 1)) "messages of up to 1 byte in up to 1 frame of up to 0 bytes"

                shown (utf8State [||]) "complete"
                shown (utf8State [| 0xE2uy; 0x82uy |]) "1 byte missing"
                shown (utf8State [| 0xF0uy |]) "3 bytes missing"
                shown Timeouts.Never "no limits"

                shown
                    (Timeouts.Never
                        .WithOpening(TimeSpan.FromSeconds 10.0)
                        .WithPing(TimeSpan.FromSeconds 20.0, TimeSpan.FromSeconds 5.0))
                    "opening 00:00:10, ping every 00:00:20, answered within 00:00:05"

                shown ReadAhead.Unlimited "unlimited messages; unlimited bytes"
                shown (ReadAhead.Create(Int32.MaxValue, 0, 1L)) "unlimited messages; 1 byte"
                shown (ReadAhead.Create(16, 4, 1_048_576L)) "16 messages, on at 4; 1048576 bytes"

                shown (ReadAhead.Create(1, 0, Int64.MaxValue)) "1 message, on at 0; unlimited bytes"

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
