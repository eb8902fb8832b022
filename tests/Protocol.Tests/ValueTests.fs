/// What values say of themselves: equality, text, names, and what they refuse.
module FunctionalWs.Protocol.Tests.ValueTests

open System
open System.Collections.Generic
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Routes

let private isRefused (work: unit -> 'a) : bool =
    try
        work () |> ignore
        false
    with :? ArgumentException ->
        true

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
                box (values [ "a", box 1; "b", box 2 ]), box (values [ "b", box 2; "a", box 1 ])
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
                @>

            test <@ values [ "a", box 1 ] <> values [ "a", box 2 ] @>
            test <@ values [ "a", box 1 ] <> values [ "b", box 1 ] @>
            test <@ values [ "a", box 1 ] <> values [ "a", box 1; "b", box 1 ] @>)
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
            MessageKind.op_Equality (MessageKind.Text, MessageKind.Text) =! true
            MessageKind.op_Inequality (MessageKind.Text, MessageKind.Text) =! false
            MessageKind.op_Equality (MessageKind.Text, MessageKind.Binary) =! false
            MessageKind.op_Inequality (MessageKind.Text, MessageKind.Binary) =! true)
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

        testCase "is shown with its number, 1005 for none" (fun () ->
            string CloseStatus.NoStatus =! "1005"
            string (CloseStatus.Create(CloseCode.GoingAway, "")) =! "1001"
            string (CloseStatus.Create(CloseCode.GoingAway, "bye")) =! "1001 bye")

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
            ]
            (fun (code, phrase) -> StatusCode.reasonPhrase code =! phrase)

        testCase "are there or empty, never null, for every number" (fun () ->
            for code in -1 .. 1_000 do
                if isNull (StatusCode.reasonPhrase code) then
                    failwith $"{code}"

            StatusCode.reasonPhrase 999 =! "")
    ]

let private grammarError = { Position = 1; Expected = "a token" }

[<Tests>]
let handshakeErrors =
    let all = [
        HandshakeError.RequestLineTooLong(9, 8)
        HandshakeError.HeaderLineTooLong(9, 8)
        HandshakeError.TooManyHeaders 8
        HandshakeError.HeadTooLarge 8
        HandshakeError.LineEnding
        HandshakeError.RequestLine "x"
        HandshakeError.HeaderLine "a: \000"
        HandshakeError.TransferEncoding "x"
        HandshakeError.ContentLength "x"
        HandshakeError.Method "x"
        HandshakeError.HttpVersion "x"
        HandshakeError.Target "x"
        HandshakeError.HeaderMissing "Upgrade"
        HandshakeError.HeaderMissing "Host"
        HandshakeError.HeaderRepeated "x"
        HandshakeError.HeaderFormat("x", "y", grammarError)
        HandshakeError.Host "x"
        HandshakeError.HostMismatch("x", "y")
        HandshakeError.NotUpgrade("x", "y")
        HandshakeError.Key "x"
        HandshakeError.Version "x"
        HandshakeError.Origin null
        HandshakeError.Origin "x"
        HandshakeError.Subprotocol [ "x"; "y" ]
    ]

    testList "errors of the opening handshake" [
        testCase "are all here" (fun () ->
            let caseOf (error: HandshakeError) =
                (fst (FSharpValue.GetUnionFields(error, typeof<HandshakeError>))).Name

            let cases =
                FSharpType.GetUnionCases typeof<HandshakeError>
                |> Array.map (fun case -> case.Name)

            Set.ofList (List.map caseOf all) =! Set.ofArray cases)

        testTheory "are told in a sentence of one line each" all (fun error ->
            let text = HandshakeError.describe error
            test <@ text.EndsWith '.' && not (Seq.exists Char.IsControl text) @>)

        testTheory "show what the client wrote, cut and escaped" [ 1; 200; 201; 5_000 ] (fun length ->
            let text = HandshakeError.describe (HandshakeError.Method(String('\r', length)))
            let shown = min length 200
            test <@ text.Contains(String.replicate shown "\\u000D") @>
            text.Contains '…' =! (length > 200))
    ]

/// A converter of a caller's that doesn't do what it says.
type private Lying() =
    inherit RouteConverter()
    override _.ValueType = typeof<string>

    override _.TryParse(_, value) =
        value <- null
        true

    override _.TryFormat(_, text) =
        text <- null
        true

/// A converter of a caller's that writes what it doesn't read.
type private OneWay() =
    inherit RouteConverter()
    override _.TryParse(_, _) = false

    override _.TryFormat(value, text) =
        text <- string value
        true

[<Tests>]
let routes =
    testList "values of routes" [
        testCase "are found by name and type" (fun () ->
            let route = values [ "n", box 1 ]
            route["n"] =! box 1
            route.Get<int> "n" =! 1
            route.TryGet<int> "n" =! (true, 1)
            fst (route.TryGet<string> "n") =! false
            fst (route.TryGet<int> "m") =! false
            raises<KeyNotFoundException> <@ route["m"] @>
            raises<InvalidCastException> <@ route.Get<string> "n" @>)

        testCase "are a dictionary for reading" (fun () ->
            let route = values [ "a", box 1; "b", box "x" ]
            let read = route :> IReadOnlyDictionary<string, obj>
            read["a"] =! box 1

            (List.ofSeq read.Keys, List.ofSeq read.Values)
            =! ([ "a"; "b" ], [ box 1; box "x" ])

            (read.Count, read.ContainsKey "b", read.ContainsKey "c") =! (2, true, false)
            read.TryGetValue "b" =! (true, box "x")
            fst (read.TryGetValue "c") =! false
            [ for pair in read -> pair.Key, pair.Value ] =! [ "a", box 1; "b", box "x" ])

        testCase "are of any type, of a converter that doesn't tell" (fun () ->
            let converter = OneWay() :> RouteConverter

            (converter.ValueType, converter.Weight, converter.SpansSegments)
            =! (typeof<obj>, 100, false))

        testCase "of a converter that says yes and gives nothing are none" (fun () ->
            let custom = dict [ "lie", Lying() :> RouteConverter ] |> Dictionary

            match RoutePattern.parseWith custom "/<lie:a>" with
            | Error error -> failwith $"{error}"
            | Ok pattern ->
                let table = ofRules [ RouteRule.Create("e", pattern) ]
                describe (find table "/x") =! "404"

                match RouteTable.buildPath table "e" (values [ "a", box "x" ]) with
                | Error(RouteBuildError.UnsuitableValue _) -> ()
                | other -> failwith $"{other}")

        testCase "that a converter writes and doesn't read are refused" (fun () ->
            let custom = dict [ "once", OneWay() :> RouteConverter ] |> Dictionary

            match RoutePattern.parseWith custom "/<once:a>" with
            | Error error -> failwith $"{error}"
            | Ok pattern ->
                let table = ofRules [ RouteRule.Create("e", pattern) ]

                match RouteTable.buildPath table "e" (values [ "a", box "x" ]) with
                | Error(RouteBuildError.UnsuitableValue _) -> ()
                | other -> failwith $"{other}")

        testCase "of other types than a converter's are refused, and written in queries" (fun () ->
            let table = table [ "/<a>"; "/b" ]
            let text = Text.StringBuilder "x/"

            match RouteTable.buildPath table "/<a>" (values [ "a", box text ]) with
            | Error(RouteBuildError.UnsuitableValue _) -> ()
            | other -> failwith $"{other}"

            RouteTable.buildPath table "/b" (values [ "q", box text; "f", box false ])
            =! Ok "/b?q=x%2F&f=false")

        testCase "without any rule, none is nearest" (fun () ->
            match RouteTable.buildPath (ofRules []) "e" RouteValues.Empty with
            | Error error -> string error =! "No rule leads to 'e'."
            | Ok path -> failwith path)
    ]

[<Tests>]
let hosts =
    let hostError (text: string) =
        match RoutePattern.parseHost (Dictionary<string, RouteConverter>()) text with
        | Ok pattern -> failwith $"{pattern}"
        | Error error -> error.Expected

    testList "hosts of routes" [
        testCase "have no slash, and no value that takes slashes" (fun () ->
            test <@ (hostError "a/b").Contains "no slash" @>
            test <@ (hostError "<path:a>").Contains "no placeholder that takes slashes" @>)

        testCase "that are no names match nothing" (fun () ->
            let long = String('ü', 70)

            let table =
                ofRules [
                    {
                        rule "/" with
                            Scope = RouteScope.Subdomain(host "www")
                    }
                ]

            let found =
                RouteTable.matchRequest table (named long) (request "www.example.com" "/")

            describe found =! "404"
            table.HasSubdomains =! true
            (Routes.table [ "/" ]).HasSubdomains =! false)

        testCase "of secure servers are redirected to within TLS" (fun () ->
            let at = { plain with IsSecure = true }

            RouteTable.matchRequest (table [ "/a" ]) at (request "example.com" "http://example.com")
            |> describe
            =! "-> wss://example.com/")
    ]
