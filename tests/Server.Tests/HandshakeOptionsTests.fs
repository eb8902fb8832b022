module FunctionalWs.Server.Tests.HandshakeOptionsTests

open System
open System.Text.RegularExpressions
open Expecto
open Swensen.Unquote
open FunctionalWs

let private make (options: ServerOptions) =
    use server = Serve.inMemory Serve.echo options
    server.Shutdown() |> ignore

let private splitters = [ "a\r\nb: c"; "a\n"; "a\rb"; "a\000"; "a\u010A" ]

[<Tests>]
let checks =
    testList "handshake options" [
        testTheory
            "a value out of its range is refused when the server is made, with option, value and range"
            [
                ServerOptions(MaxRequestHeadSize = 63), "MaxRequestHeadSize", 63, "64 to 16777216"
                ServerOptions(MaxRequestHeadSize = 16_777_217),
                "MaxRequestHeadSize",
                16_777_217,
                "64 to 16777216"
                ServerOptions(MaxRequestLineLength = 0), "MaxRequestLineLength", 0, "64 to 16777216"
                ServerOptions(MaxHeaderLineLength = -1), "MaxHeaderLineLength", -1, "64 to 16777216"
                ServerOptions(MaxHeaderCount = 0), "MaxHeaderCount", 0, "1 to 2147483647"
            ]
            (fun (options, name, value, range) ->
                let error = Wait.throws<ArgumentOutOfRangeException>(fun () -> make options)

                (error.ParamName, error.ActualValue :?> int) =! (name, value)
                test <@ error.Message.Contains range @>)

        testTheory "H15: a Server header that could break its line" splitters (fun value ->
            let error =
                Wait.throws<ArgumentException>(fun () -> make (ServerOptions(ServerHeader = value)))

            error.ParamName =! "ServerHeader"
            test <@ not (error.Message.Contains "\n") @>)

        testTheory
            "H15: a subprotocol that is no token"
            ([ ""; "a b"; "a,b"; null ] @ splitters)
            (fun value ->
                let error =
                    Wait.throws<ArgumentException>(fun () ->
                        make (ServerOptions(Subprotocols = [| "ok"; value |])))

                error.ParamName =! "Subprotocols"
                test <@ error.Message.Contains "no token" @>)

        testTheory "H15: an origin that no client can send" ("" :: splitters) (fun value ->
            raises<ArgumentException> <@ Origin.Exact value @>)

        testTheory
            "an origin that no browser sends is refused, with the reason"
            [
                "*", "no wildcards"
                "https://*.example.com", "use a regular expression"
                "example.com", "no scheme, as in https://example.com"
                "//example.com", "no scheme"
                "https://example.com/", "no path"
                "https://example.com/chat", "no path"
                "https://bob@example.com", "no path"
                "https://", "no host"
                "https://example.com:443", "leaves out the port"
                "http://example.com:80", "leaves out the port"
                "https://Taxi.example", "a browser sends https://taxi.example."
                "HTTPS://taxi.example:8443", "a browser sends https://taxi.example:8443."
                "https://täxi.example", "a browser sends https://xn--txi-qla.example."
                "http://駅.example", "a browser sends http://xn--cb6a.example."
                "http://[::ABCD]", "a browser sends http://[::abcd]."
            ]
            (fun (text, reason) ->
                let error = Wait.throws<ArgumentException>(fun () -> Origin.Exact text |> ignore)

                test
                    <@
                        error.Message.Contains $"The origin '{text}' would never match"
                        && error.Message.Contains reason
                    @>)

        testTheory
            "an origin that a browser sends is taken"
            [
                "null"
                "file://"
                "https://example.com:8443"
                "http://example.com:443"
                "chrome-extension://abc"
                "app://Own"
                "http://[::1]:8080"
            ]
            (fun text -> string (Origin.Exact text) =! text)

        testCase "null among the origins is refused" (fun () ->
            let error =
                Wait.throws<ArgumentException>(fun () ->
                    make (ServerOptions(Origins = [| Origin.Exact "https://a"; null |])))

            error.ParamName =! "Origins"
            test <@ error.Message.Contains "Origin.None" @>)

        testCase "null for the subprotocols is refused" (fun () ->
            (Wait.throws<ArgumentNullException>(fun () -> make (ServerOptions(Subprotocols = null))))
                .ParamName
            =! "Subprotocols")

        testTheory "the Server header is what is set" [ "mine/1"; ""; null ] (fun value ->
            let answered =
                Exchange.rejected
                    (fun records -> ServerOptions(LoggerFactory = records, ServerHeader = value))
                    "GET / HTTP/1.1\r\n\r\n"

            answered.Headers |> List.filter (fun (name, _) -> name = "Server")
            =! (if String.IsNullOrEmpty value then
                    []
                else
                    [ "Server", value ]))

        testCase "lists that change after the server was made change nothing" (fun () ->
            let names = [| "v1" |]
            use server = Serve.inMemory Serve.echo (ServerOptions(Subprotocols = names))
            names[0] <- "v2"
            use client = PeerClient.InMemory server
            client.Write(Exchange.webSocket [ "Sec-WebSocket-Protocol: v1, v2" ])
            test <@ client.ReadResponse().Contains "Sec-WebSocket-Protocol: v1\r\n" @>)
    ]

let private good = Origin.Exact "https://good.example"

let private sub = Origin.Matching(Regex @"https://([a-z0-9-]+\.)*good\.example")

let private isAllowed (rules: Origin list) (origin: string | null) : bool =
    let lines = if isNull origin then [] else [ $"Origin: {origin}" ]
    use server = Serve.inMemory ignore (ServerOptions(Origins = List.toArray rules))
    use client = PeerClient.InMemory server
    client.Write(Exchange.webSocket lines)

    match client.ReadResponse().Substring(9, 3) with
    | "101" -> true
    | "403" -> false
    | status -> failwith status

[<Tests>]
let origins =
    testList "origins" [
        testTheory
            "H16: exactly what is listed may connect"
            [
                "https://good.example", true, true
                "https://GOOD.example", false, false
                "HTTPS://good.example", false, false
                "http://good.example", false, false
                "https://good.example:443", false, false
                "https://good.example:8443", false, false
                "https://good.example.", false, false
                "https://good.example/", false, false
                "https://good.example/path", false, false
                "https://good.example?x", false, false
                "https://good.example#x", false, false
                "https://good.example.evil.com", false, false
                "https://good.exampleevil.com", false, false
                "https://evilgood.example", false, false
                "https://evil.com?https://good.example", false, false
                "https://evil.com#https://good.example", false, false
                "https://user@good.example", false, false
                "https://good.example@evil.com", false, false
                "https://good.example\\@evil.com", false, false
                "https://good_example", false, false
                "https://goodxexample", false, false
                "https://a.good.example", false, true
                "https://a.b-1.good.example", false, true
                "https://.good.example", false, false
                "https://a..good.example", false, false
                "https://xn--gd-bpa.example", false, false
                "https://g\xF6\xF6d.example", false, false
                "https://good.example https://evil.com", false, false
                "https://good.example, https://evil.com", false, false
                "https://good.example\thttps://evil.com", false, false
                "https://evil.com https://good.example", false, false
                "null", false, false
                "*", false, false
                "", false, false
                "file://", false, false
                "chrome-extension://good.example", false, false
                "https:good.example", false, false
                "//good.example", false, false
                "good.example", false, false
                "https://" + String('a', 8_000) + ".good.example", false, true
            ]
            (fun (origin, isExact, isMatch) ->
                isAllowed [ good ] origin =! isExact
                isAllowed [ sub ] origin =! isMatch
                isAllowed [ Origin.None ] origin =! false)

        testCase "H16: a request without an origin is let in by Origin.None alone" (fun () ->
            isAllowed [ good; sub ] null =! false
            isAllowed [ Origin.Matching(Regex ".*") ] null =! false
            isAllowed [ good; Origin.None ] null =! true
            isAllowed [] null =! false
            isAllowed [] "https://good.example" =! false)

        testTheory
            "H16: a pattern has to match the whole"
            [
                @"a|ab", "ab", true
                @"ab$", "xab", false
                @"(?x) ab # the one", "ab", true
                @"(?i)AB", "ab", true
                @"a(?!b).*", "ab", false
                @"a(?!b).*", "ac", true
                @".*", "anything", true
            ]
            (fun (pattern, origin, expected) ->
                isAllowed [ Origin.Matching(Regex pattern) ] origin =! expected)

        testCase "H16: options of a pattern hold" (fun () ->
            isAllowed [ Origin.Matching(Regex("A b # c", RegexOptions.IgnorePatternWhitespace)) ] "Ab"
            =! true

            isAllowed [ Origin.Matching(Regex("ab", RegexOptions.IgnoreCase)) ] "AB" =! true

            isAllowed [ Origin.Matching(Regex("ab", RegexOptions.RightToLeft)) ] "ab"
            =! true)

        testCase "H16: a pattern that takes for ever doesn't match" (fun () ->
            isAllowed [ Origin.Matching(Regex @"(a+)+b") ] (String('a', 60)) =! false)

        testCase
            "strings and expressions are converted by themselves in C#, and tell what they are"
            (fun () ->
                string (Origin.op_Implicit "https://a") =! "https://a"
                string (Origin.op_Implicit (Regex "a.*")) =! "/a.*/"
                string Origin.None =! "none")
    ]
