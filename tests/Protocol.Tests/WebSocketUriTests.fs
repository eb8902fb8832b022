module FunctionalWs.Protocol.Tests.WebSocketUriTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private parsed (text: string) : WebSocketUri =
    match WebSocketUri.TryParse text with
    | UriParse.Valid uri -> uri
    | UriParse.Invalid error -> failwith $"{text}: {error}"

let private refusal (text: string) : UriError =
    match WebSocketUri.TryParse text with
    | UriParse.Valid uri -> failwith $"{text} is {uri}"
    | UriParse.Invalid error -> error

let private credentials (uri: WebSocketUri) =
    uri.Credentials |> ValueOption.map (fun found -> found.Username, found.Password)

[<Tests>]
let uris =
    testList "URIs of WebSockets" [
        testTheory
            "tell host, port, target and the header Host"
            [
                "ws://example.com", (false, "example.com", 80, "/", "example.com")
                "ws://example.com/", (false, "example.com", 80, "/", "example.com")
                "wss://example.com/chat?room=1", (true, "example.com", 443, "/chat?room=1", "example.com")
                "WSS://EXAMPLE.com:443/Chat", (true, "example.com", 443, "/Chat", "example.com")
                "ws://example.com:443/", (false, "example.com", 443, "/", "example.com:443")
                "wss://example.com:80/", (true, "example.com", 80, "/", "example.com:80")
                "ws://example.com:8765?x", (false, "example.com", 8765, "/?x", "example.com:8765")
                "ws://example.com:/", (false, "example.com", 80, "/", "example.com")
                "ws://192.0.2.1:8080/", (false, "192.0.2.1", 8080, "/", "192.0.2.1:8080")
                "ws://[2001:db8::1]/", (false, "2001:db8::1", 80, "/", "[2001:db8::1]")
                "wss://[2001:DB8::1]:8443/a", (true, "2001:db8::1", 8443, "/a", "[2001:db8::1]:8443")
                "ws://[fe80::1%25eth0]:81/", (false, "fe80::1%eth0", 81, "/", "[fe80::1]:81")
                "ws://bücher.example/", (false, "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example")
                "ws://xn--bcher-kva.example/",
                (false, "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example")
                "ws://h/ä b?ö=\"", (false, "h", 80, "/%C3%A4%20b?%C3%B6=%22", "h")
                "ws://h/%41%2F%7e", (false, "h", 80, "/A%2F~", "h")
                "ws://h/a/../b/./c", (false, "h", 80, "/b/c", "h")
                "ws://h/a\r\nX: y", (false, "h", 80, "/a%0D%0AX:%20y", "h")
                "  ws://h/  ", (false, "h", 80, "/", "h")
            ]
            (fun (text, expected) ->
                let uri = parsed text
                (uri.IsSecure, uri.Host, uri.Port, uri.Target, uri.HostHeader) =! expected
                uri.Credentials =! ValueNone)

        testTheory
            "keep userinfo apart"
            [
                "ws://user:secret@h/", "user", "secret"
                "ws://user@h/", "user", ""
                "ws://:secret@h/", "", "secret"
                "ws://:@h/", "", ""
                "ws://us%20er:p%40ss%3Aword@h/", "us er", "p@ss:word"
                "ws://u:a:b@h/", "u", "a:b"
                "ws://%C3%BC:%E2%82%AC@h/", "ü", "€"
                "ws://ü:€@h/", "ü", "€"
                "ws://u:100%@h/", "u", "100%"
                "ws://u+v:a%2Bb%zz@h/", "u+v", "a+b%zz"
            ]
            (fun (text, name, password) ->
                let uri = parsed text
                credentials uri =! ValueSome(name, password)
                uri.HostHeader =! "h")

        testCase "have no credentials where userinfo is empty" (fun () ->
            credentials (parsed "ws://@h/") =! ValueNone)

        testTheory
            "are refused by name"
            [
                "http://h/", UriError.Scheme "http"
                "https://user:secret@h/", UriError.Scheme "https"
                "/chat", UriError.Scheme "file"
                "ws://h:0/", UriError.Port
                "ws://xn--ü.example/", UriError.Host "xn--ü.example"
                "ws://-ü-/", UriError.Host "-ü-"
                "ws://h/#", UriError.Fragment
                "ws://h/a#b", UriError.Fragment
                "ws://%FF:secret@h/", UriError.UserInfo
                "ws://user:sec%0Aret@h/", UriError.UserInfo
                "ws://us%3Aer:secret@h/", UriError.UserInfo
                "ws://us%7Fer@h/", UriError.UserInfo
            ]
            (fun (text, expected) ->
                refusal text =! expected
                test <@ expected.ToString().EndsWith '.' @>)

        testTheory
            "are refused with the platform's reason where it can't parse them"
            [
                ""
                "h"
                "ws:h"
                "ws://"
                "ws:///path"
                "ws://user:secret@"
                "ws://h:65536/"
                "ws://h:8o/"
                "ws://[::1/"
                "ws://a b/"
            ]
            (fun text ->
                match refusal text with
                | UriError.Malformed reason ->
                    test <@ reason <> "" @>
                    test <@ not (reason.Contains "secret") @>
                | other -> failwith $"{other}")

        testCase "are never relative" (fun () ->
            match WebSocketUri.TryParse(Uri("/a", UriKind.Relative)) with
            | UriParse.Invalid(UriError.Malformed reason) -> reason =! "It is relative."
            | other -> failwith $"{other}")

        testCase "have a text without userinfo, also as %A and in errors" (fun () ->
            let uri = parsed "wss://user:secret@h:8443/chat?x=1"
            uri.ToString() =! "wss://h:8443/chat?x=1"
            $"%A{uri}" =! "wss://h:8443/chat?x=1"
            (parsed "ws://h").ToString() =! "ws://h/"

            for text in
                [
                    "http://user:secret@h/"
                    "ws://user:sec%0Aret@h/"
                    "ws://user:secret@h:0/"
                    "ws://user:secret@h/#"
                ] do
                let error = refusal text
                let plain, structured = error.ToString(), $"%A{error}"
                test <@ not (plain.Contains "sec") && not (structured.Contains "sec") @>)

        testCase "are told what is wrong in an exception that never repeats userinfo" (fun () ->
            let message =
                try
                    WebSocketUri.Parse "http://user:secret@h/" |> ignore
                    failwith "parsed"
                with :? UriFormatException as error ->
                    error.Message

            message =! "The scheme 'http' is neither ws nor wss."
            WebSocketUri.Parse("ws://h/") =! parsed "ws://h/")

        testCase "are equal when they ask for the same" (fun () ->
            parsed "ws://H:80" =! parsed "ws://h/"
            test <@ parsed "ws://h/" <> parsed "wss://h/" @>
            test <@ parsed "ws://u@h/" <> parsed "ws://h/" @>
            test <@ WebSocketUri.op_Equality (parsed "ws://h/a", parsed "ws://h/a") @>
            test <@ WebSocketUri.op_Inequality (parsed "ws://h/a", parsed "ws://h/b") @>)

        testCase "have an origin: scheme, host and port" (fun () ->
            let same left right =
                (parsed left).IsSameOrigin(parsed right)

            same "ws://h/a" "ws://u@h:80/b" =! true
            same "ws://h/" "wss://h/" =! false
            same "ws://h/" "ws://h:81/" =! false
            same "ws://h/" "ws://i/" =! false)

        testCase "don't depend on the culture" (fun () ->
            let before = Globalization.CultureInfo.CurrentCulture

            try
                for culture in [ "tr-TR"; "th-TH"; "ar-SA" ] do
                    Globalization.CultureInfo.CurrentCulture <- Globalization.CultureInfo culture
                    let uri = parsed "WSS://WIKI.example:8443/I"
                    uri.ToString() =! "wss://wiki.example:8443/I"
                    uri.Authority =! "wiki.example:8443"
            finally
                Globalization.CultureInfo.CurrentCulture <- before)
    ]
