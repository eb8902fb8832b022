module FunctionalWs.Protocol.Tests.AuthorizationTests

open System
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private headersOf (values: string list) =
    List.fold (fun (headers: Headers) value -> headers.Add("Authorization", value)) Headers.Empty values

let private basic (value: string) =
    Authorization.basic (headersOf [ value ])
    |> Result.map (fun credentials -> credentials.Username, credentials.Password)

let private encoded (bytes: byte[]) = "Basic " + Convert.ToBase64String bytes

let private encodedText (text: string) = encoded (Encoding.UTF8.GetBytes text)

let private unsupported: Result<string * string, AuthorizationError> =
    Error AuthorizationError.Unsupported

[<Tests>]
let grammar =
    testList "credentials in a header (RFC 9110 §11.4)" [
        testCase "the token is in no text form" (fun () ->
            match HeaderGrammar.parseCredentials "Bearer s3cret" with
            | Ok credentials ->
                let shown = $"%A{credentials}"
                shown =! "Bearer ***"
                string credentials =! "Bearer ***"
            | Error error -> failwith $"{error}")

        testTheory
            "a scheme, blanks and a token68"
            [
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Ok("Basic", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
                "x  a", Ok("x", "a")
                "Bearer -._~+/09azAZ===", Ok("Bearer", "-._~+/09azAZ===")
                "", Error 0
                " Basic a", Error 0
                "???Basic a", Error 0
                "Basic", Error 5
                "Basic ", Error 6
                "Basic\ta", Error 5
                "Basic ====", Error 6
                "Basic/x", Error 5
                "Basic a=b", Error 8
                "Basic a b", Error 7
                "Basic a, b", Error 7
                "Basic \"a\"", Error 6
                "Basic é", Error 6
            ]
            (fun (text, expected) ->
                HeaderGrammar.parseCredentials text
                |> Result.map (fun credentials -> credentials.Scheme, credentials.Token)
                |> Result.mapError _.Position
                =! expected)

        testProperty "no text makes the parser throw" (fun (text: FsCheck.NonNull<string>) ->
            HeaderGrammar.parseCredentials text.Get |> ignore
            HeaderGrammar.parseCredentials ("Basic " + text.Get) |> ignore)
    ]

[<Tests>]
let reading =
    testList "name and password (RFC 7617 §2)" [
        testTheory
            "the vectors of the RFC, and what is as good"
            [
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ("Aladdin", "open sesame")
                "Basic dGVzdDoxMjPCow==", ("test", "123£")
                "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", ("Aladdin", "open sesame")
                "Basic YWxhZGRpbjpvcGVuOnNlc2FtZQ==", ("aladdin", "open:sesame")
                encodedText ":", ("", "")
                encodedText "a:", ("a", "")
                encodedText ":b", ("", "b")
                encodedText "pé:→", ("pé", "→")
            ]
            (fun (value, expected) -> basic value =! Ok expected)

        testTheory
            "A3: what can't be read"
            [
                "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
                "Digest username=\"a\""
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"
                "Basic QWxhZGNlc2FtZQ=="
                "Basic QWxh-GRpbjpvcGVuIHNlc2FtZQ=="
                "Basic ="
                "Basic a==="
                "Basic"
                ""
                encoded [| 0xFFuy; byte ':' |]
                encoded [| byte ':'; 0xC3uy |]
                encoded [| 0xEDuy; 0xA0uy; 0x80uy; byte ':' |]
                encodedText "a\000:b"
                encodedText "a:b\n"
                encodedText "a\u0085:b"
                "Basic " + String('A', 8_000)
            ]
            (fun value -> basic value =! unsupported)

        testCase "no header, and two of them" (fun () ->
            Authorization.basic Headers.Empty |> Result.isError =! true

            let errorOf values =
                match Authorization.basic (headersOf values) with
                | Error error -> error
                | Ok _ -> failwith "accepted"

            errorOf [] =! AuthorizationError.Missing

            errorOf [ encodedText "a:b"; encodedText "a:b" ] =! AuthorizationError.Repeated)

        testProperty "every name and password is read back" (fun (name: string) (password: string) ->
            let clean (text: string | null) =
                match text with
                | Null -> ""
                | NonNull text -> String.filter (Char.IsControl >> not) (text.ReplaceLineEndings "")

            let name, password = (clean name).Replace(":", ""), clean password
            let sent = encodedText $"{name}:{password}"
            // A lone surrogate can't be sent: it becomes the replacement character.
            let received = Encoding.UTF8.GetString(Convert.FromBase64String(sent.Substring 6))

            match basic sent with
            | Ok(username, password) -> $"{username}:{password}" = received
            | Error _ -> false)

        testProperty "A3: no bytes make it throw" (fun (data: byte[]) ->
            basic (encoded data) |> ignore
            Authorization.bearer (headersOf [ encoded data ]) |> ignore)

        testCase "A4: the text of credentials hides the password" (fun () ->
            match Authorization.basic (headersOf [ encodedText "a:secret" ]) with
            | Ok credentials ->
                string credentials =! "a:***"
                test <@ not ((sprintf "%A" credentials).Contains "secret") @>
            | Error error -> failwith $"{error}")

        testCase "a bearer's token" (fun () ->
            Authorization.bearer (headersOf [ "bearer a.b-c=" ]) =! Ok "a.b-c="

            Authorization.bearer (headersOf [ "Basic a" ])
            =! Error AuthorizationError.Unsupported

            Authorization.bearer Headers.Empty =! Error AuthorizationError.Missing)
    ]

[<Tests>]
let challenges =
    testList "challenges" [
        testCase "Basic in UTF-8 (RFC 7617 §2.1)" (fun () ->
            Authorization.basicChallenge "foo" =! "Basic realm=\"foo\", charset=\"UTF-8\""
            Authorization.basicChallenge "" =! "Basic realm=\"\", charset=\"UTF-8\""

            Authorization.basicChallenge "a \"b\" \\c"
            =! "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"")

        testCase "Bearer (RFC 6750 §3)" (fun () ->
            Authorization.bearerChallenge "foo" false =! "Bearer realm=\"foo\""

            Authorization.bearerChallenge "foo" true
            =! "Bearer realm=\"foo\", error=\"invalid_token\"")

        testTheory
            "H15: a realm that is not printable ASCII"
            [ "a\r\nb"; "\t"; "a\000"; "é"; "\u010A" ]
            (fun realm ->
                raises<ArgumentException> <@ Authorization.basicChallenge realm @>
                raises<ArgumentException> <@ Authorization.bearerChallenge realm false @>)
    ]
