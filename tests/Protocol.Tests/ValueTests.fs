/// What values say of themselves: equality, text, names, and what they refuse.
module FunctionalWs.Protocol.Tests.ValueTests

open System
open System.Collections.Generic
open System.Runtime.CompilerServices
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Protocol

let private isRefused (work: unit -> 'a) : bool =
    try
        work () |> ignore
        false
    with :? ArgumentException ->
        true

/// What the compiler writes formats by reflection, and throws in a native program.
[<Tests>]
let names =
    testList "values without fields" [
        testCase "name themselves, by code of their own" (fun () ->
            for kind in typeof<Opcode>.Assembly.GetExportedTypes() do
                if kind.IsValueType && FSharpType.IsUnion(kind) then
                    let cases = FSharpType.GetUnionCases(kind)

                    if cases |> Array.forall (fun case -> case.GetFields().Length = 0) then
                        let text = nonNull (kind.GetMethod("ToString", [||]))
                        test <@ not (text.IsDefined(typeof<CompilerGeneratedAttribute>, false)) @>

                        for case in cases do
                            (FSharpValue.MakeUnion(case, [||])).ToString() =! case.Name)
    ]

[<Tests>]
let equality =
    testList "equality" [
        testTheory
            "is by content, and with nothing of another type"
            [
                box (CloseStatus.Create(CloseCode.GoingAway, "x")),
                box (CloseStatus.Create(CloseCode.GoingAway, "x"))
                box (ControlPayload.Create(ReadOnlySpan "x"B)), box (ControlPayload.Create(ReadOnlySpan "x"B))
                box (Headers.Empty.Add("a", "1")), box (Headers.Empty.Add("A", "1"))
            ]
            (fun (one, same) ->
                one.Equals same =! true
                one.GetHashCode() =! same.GetHashCode()
                one.Equals(box "x") =! false
                one.Equals null =! false)

        testCase "is not between different contents" (fun () ->
            let status code reason =
                CloseStatus.Create(CloseCode.Create code, reason)

            test <@ status 1000 "a" <> status 1000 "b" @>
            test <@ status 1000 "a" <> status 1001 "a" @>
            test <@ status 1000 "" <> CloseStatus.NoStatus @>

            test
                <@
                    ControlPayload.Create(ReadOnlySpan<byte>([| 1uy |]))
                    <> ControlPayload.Create(ReadOnlySpan<byte>([| 2uy |]))
                @>)
    ]

[<Tests>]
let codes =
    testList "close codes" [
        testTheory
            "have the numbers of RFC 6455 §7.4.1 and its registry"
            [
                CloseCode.NormalClosure, 1000
                CloseCode.GoingAway, 1001
                CloseCode.ProtocolError, 1002
                CloseCode.UnsupportedData, 1003
                CloseCode.InvalidFramePayloadData, 1007
                CloseCode.PolicyViolation, 1008
                CloseCode.MessageTooBig, 1009
                CloseCode.MandatoryExtension, 1010
                CloseCode.InternalError, 1011
                CloseCode.ServiceRestart, 1012
                CloseCode.TryAgainLater, 1013
                CloseCode.BadGateway, 1014
            ]
            (fun (code, number) ->
                code.Value =! number
                CloseCode.Create number =! code
                CloseCode.op_Explicit number =! code
                string code =! string number)

        testCase "compare with operators, as kinds of messages do" (fun () ->
            CloseCode.op_Equality (CloseCode.GoingAway, CloseCode.Create 1001) =! true
            CloseCode.op_Inequality (CloseCode.GoingAway, CloseCode.Create 1001) =! false
            CloseCode.op_Equality (CloseCode.GoingAway, CloseCode.Create 1000) =! false
            CloseCode.op_Inequality (CloseCode.GoingAway, CloseCode.Create 1000) =! true
            DataKind.op_Equality (DataKind.Text, DataKind.Text) =! true
            DataKind.op_Inequality (DataKind.Text, DataKind.Text) =! false
            DataKind.op_Equality (DataKind.Text, DataKind.Binary) =! false
            DataKind.op_Inequality (DataKind.Text, DataKind.Binary) =! true)
    ]

[<Tests>]
let statuses =
    testList "a close status" [
        testCase "is matched with or without a code" (fun () ->
            let told (status: CloseStatus) =
                match status with
                | NoStatus -> "none"
                | Status(code, reason) -> $"{code} {reason}"

            told CloseStatus.NoStatus =! "none"
            told (CloseStatus.Create(CloseCode.GoingAway, "bye")) =! "1001 bye")

        testCase "is shown in words, on one line whatever a peer wrote" (fun () ->
            CloseStatus.NoStatus.Number =! 1005
            string CloseStatus.NoStatus =! "no code"
            string (CloseStatus.Create(CloseCode.GoingAway, "")) =! "1001"
            string (CloseStatus.Create(CloseCode.GoingAway, "bye")) =! "1001 'bye'"

            string (CloseStatus.Create(CloseCode.GoingAway, "é\n"))
            =! @"1001 '\u00E9\u000A'")

        testCase "has a reason of at most 123 bytes of UTF-8" (fun () ->
            let create (reason: string) () =
                CloseStatus.Create(CloseCode.GoingAway, reason)

            isRefused (create (String('é', 61))) =! false
            isRefused (create (String('é', 62))) =! true
            isRefused (create (String('x', 123))) =! false
            isRefused (create (String('x', 124))) =! true
            isRefused (create (string (char 0xD800))) =! true)
    ]

[<Tests>]
let limits =
    testList "what is out of range is refused" [
        testCase "by limits" (fun () ->
            let create message fragment count () = Limits.Create(message, fragment, count)
            isRefused (create 0L 0L 1) =! false
            isRefused (create -1L 0L 1) =! true
            isRefused (create 0L -1L 1) =! true
            isRefused (create 0L 0L 0) =! true)

        testCase "by the payload of a control frame" (fun () ->
            let create length () =
                ControlPayload.Create(ReadOnlySpan(Array.zeroCreate<byte> length))

            (create 125 ()).Length =! 125
            isRefused (create 126) =! true
            obj.ReferenceEquals(create 0 (), ControlPayload.Empty) =! true)
    ]

[<Tests>]
let phrases =
    testList "reason phrases" [
        testTheory
            "are those of RFC 9110"
            [
                101, "Switching Protocols"
                200, "OK"
                201, "Created"
                202, "Accepted"
                204, "No Content"
                301, "Moved Permanently"
                302, "Found"
                303, "See Other"
                304, "Not Modified"
                307, "Temporary Redirect"
                308, "Permanent Redirect"
                400, "Bad Request"
                401, "Unauthorized"
                403, "Forbidden"
                404, "Not Found"
                405, "Method Not Allowed"
                406, "Not Acceptable"
                408, "Request Timeout"
                409, "Conflict"
                410, "Gone"
                413, "Content Too Large"
                414, "URI Too Long"
                421, "Misdirected Request"
                426, "Upgrade Required"
                429, "Too Many Requests"
                431, "Request Header Fields Too Large"
                500, "Internal Server Error"
                501, "Not Implemented"
                502, "Bad Gateway"
                503, "Service Unavailable"
                100, "Continue"
                103, "Early Hints"
                207, "Multi-Status"
                300, "Multiple Choices"
                407, "Proxy Authentication Required"
                415, "Unsupported Media Type"
                417, "Expectation Failed"
                422, "Unprocessable Content"
                428, "Precondition Required"
                451, "Unavailable For Legal Reasons"
                505, "HTTP Version Not Supported"
                511, "Network Authentication Required"
            ]
            (fun (code, phrase) -> StatusCode.reasonPhrase code =! phrase)

        testCase "are there for every code that is registered with IANA, and for no other" (fun () ->
            let registered =
                [
                    [ 100..104 ]
                    [ 200..208 ]
                    [ 226 ]
                    [ 300..305 ]
                    [ 307; 308 ]
                    [ 400..417 ]
                    [ 421..426 ]
                    [ 428; 429; 431; 451 ]
                    [ 500..508 ]
                    [ 510; 511 ]
                ]
                |> List.concat

            [
                for code in 0..999 do
                    if StatusCode.reasonPhrase code <> "" then
                        code
            ]
            =! registered)

        testCase "are there or empty, never null, for every number" (fun () ->
            for code in -1 .. 1_000 do
                if isNull (StatusCode.reasonPhrase code) then
                    failwith $"{code}"

            StatusCode.reasonPhrase 999 =! "")
    ]

let private grammarError = { Position = 1; Expected = "a token" }

[<Tests>]
let handshakeErrors =
    let heads = [
        HeadError.StartLineTooLong 8, 414
        HeadError.HeaderLineTooLong 8, 431
        HeadError.TooManyHeaders 8, 431
        HeadError.HeadTooLarge 8, 431
        HeadError.LineEnding, 400
        HeadError.StartLine "x", 400
        HeadError.HttpVersion "HTTP/2.0", 505
        HeadError.HeaderLine "a: \000", 400
        HeadError.ContentLength "x", 400
        HeadError.Body "1", 413
        HeadError.TransferEncoding "chunked", 501
        HeadError.TransferEncoding "x", 400
    ]

    let handshakes = [
        HandshakeError.Method "x", 405
        HandshakeError.HttpVersion "x", 505
        HandshakeError.Target "x", 400
        HandshakeError.HeaderMissing "Host", 400
        HandshakeError.HeaderRepeated "x", 400
        HandshakeError.HeaderFormat("x", "y", grammarError), 400
        HandshakeError.Host "x", 400
        HandshakeError.Connection null, 426
        HandshakeError.Connection "x", 426
        HandshakeError.Upgrade null, 426
        HandshakeError.Upgrade "x", 426
        HandshakeError.Key "x", 400
        HandshakeError.Version null, 400
        HandshakeError.Version "x", 400
        HandshakeError.Origin null, 403
        HandshakeError.Origin "x", 403
        HandshakeError.Subprotocol(EquatableList.Create [ "x"; "y" ]), 400
    ]

    let isSentence (text: string) =
        text.EndsWith '.' && not (Seq.exists Char.IsControl text)

    testList "errors of heads and of the opening handshake" [
        testTheory "of heads: each has its status, and a sentence of one line" heads (fun (error, status) ->
            error.StatusCode =! status
            test <@ isSentence error.Description @>
            $"{error}" =! error.Description
            $"%A{error}" =! error.Description)

        testTheory
            "of handshakes: each has its status, and a sentence of one line"
            handshakes
            (fun (error, status) ->
                error.StatusCode =! status
                test <@ isSentence error.Description @>
                $"{error}" =! error.Description
                $"%A{error}" =! error.Description)

        testTheory
            "A4: a line that is no header is told about without its value, which may be a secret"
            [
                "Authorization: Basic c2VjcmV0\000"
                " c2VjcmV0"
                "c2VjcmV0"
                "Cookie : c2VjcmV0"
                ": c2VjcmV0"
            ]
            (fun line ->
                let error = HeadError.HeaderLine line

                for text in [ error.Description; $"{error}"; $"%A{error}"; $"%A{Some error}" ] do
                    test <@ not (text.Contains "c2VjcmV0") && text.Contains $"{line.Length} characters" @>)

        testTheory "show what the client wrote, cut and escaped" [ 1; 200; 201; 5_000 ] (fun length ->
            let text = (HandshakeError.Method(String('\r', length))).Description
            let shown = min length 200
            test <@ text.Contains(String.replicate shown "\\u000D") @>
            text.Contains '…' =! (length > 200))
    ]
