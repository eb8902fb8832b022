module FunctionalWs.Server.Tests.AuthenticationTests

open System
open System.Collections.Generic
open System.Security.Claims
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private processRequestFailed = 26

let private guardedBy (hook: ProcessRequest) (records: Records) =
    ServerOptions(LoggerFactory = records, ProcessRequest = hook)

let private basic (text: string) =
    "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes text)

let private requestWith (lines: string list) = Exchange.webSocket lines

let private statusOf (hook: ProcessRequest) (lines: string list) =
    let answered = Exchange.rejected (guardedBy hook) (requestWith lines)
    answered.Errors =! []
    answered.Status

let private usernameOf (hook: ProcessRequest) (lines: string list) =
    Exchange.accepted (guardedBy hook) (requestWith lines) (fun connection -> connection.Username)
    |> snd

let private aladdin = BasicAuth.Create("Aladdin", "open sesame", "lamp")

let private pair (name: string) (password: string) = KeyValuePair(name, password)

[<Tests>]
let passwords =
    testList "authentication by password" [
        testCase "the right credentials open the connection, and the handler knows the name" (fun () ->
            let _, (name, scheme) =
                Exchange.accepted
                    (guardedBy aladdin)
                    (requestWith [ "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" ])
                    (fun connection -> connection.Username, connection.User.Identity.AuthenticationType)

            (name, scheme) =! ("Aladdin", "Basic"))

        testCase "without a hook there is no name" (fun () ->
            usernameOf (ProcessRequest(fun _ _ -> Response.None)) [ basic "a:b" ] =! null)

        testTheory
            "A3: others are asked for credentials, each with a text of its own"
            [
                [], "Credentials are missing.\n"
                [ "Authorization: Bearer x" ], "The credentials are not of a supported form.\n"
                [ "Authorization: Basic" ], "The credentials are not of a supported form.\n"
                [ "Authorization:" ], "The credentials are not of a supported form.\n"
                [ "Authorization: Basic /////w==" ], "The credentials are not of a supported form.\n"
                [ basic "Aladdin" ], "The credentials are not of a supported form.\n"
                [ "Authorization: Basic " + String('A', 8_000) ],
                "The credentials are not of a supported form.\n"
                [ basic "Aladdin:wrong" ], "The credentials are not valid.\n"
                [ basic "Aladdin:" ], "The credentials are not valid.\n"
                [ basic "aladdin:open sesame" ], "The credentials are not valid.\n"
                [ basic ":open sesame" ], "The credentials are not valid.\n"
                [ basic "nobody:open sesame" ], "The credentials are not valid.\n"
            ]
            (fun (lines, body) ->
                let answered = Exchange.rejected (guardedBy aladdin) (requestWith lines)
                answered.Status =! 401
                answered.Body =! body

                answered.HasLine "WWW-Authenticate: Basic realm=\"lamp\", charset=\"UTF-8\""
                =! true

                answered.Errors =! [])

        testCase "A3: a repeated header is refused with 400, even with the right credentials in it" (fun () ->
            statusOf aladdin [ basic "Aladdin:open sesame"; basic "Aladdin:open sesame" ]
            =! 400)

        testCase "A2: passwords are compared as they are, in any script" (fun () ->
            let hook = BasicAuth.Create("ü", "p\u00E9")
            usernameOf hook [ basic "ü:p\u00E9" ] =! "ü"
            statusOf hook [ basic "ü:pe\u0301" ] =! 401
            statusOf hook [ basic "ü:x" ] =! 401
            statusOf hook [ basic "ü:pe" ] =! 401)

        testCase "several users, the last password of a name, and none at all" (fun () ->
            let hook = BasicAuth.Create([ pair "a" "old"; pair "b" "2"; pair "a" "1" ])
            usernameOf hook [ basic "a:1" ] =! "a"
            usernameOf hook [ basic "b:2" ] =! "b"
            statusOf hook [ basic "a:old" ] =! 401
            statusOf hook [ basic "a:2" ] =! 401

            statusOf (BasicAuth.Create([||]: KeyValuePair<string, string>[])) [ basic ":" ]
            =! 401

            usernameOf (BasicAuth.Create(dict [ "c", "" ])) [ basic "c:" ] =! "c")

        testCase "a function decides, and gets the password whole" (fun () ->
            let hook = BasicAuth.Create(fun name password -> name = "a" && password = "b:c")

            usernameOf hook [ basic "a:b:c" ] =! "a"
            statusOf hook [ basic "a:b" ] =! 401)

        testCase "X2: a function that throws is answered with 500 and is one ERROR record" (fun () ->
            let hook = BasicAuth.Create(fun _ _ -> raise (TimeoutException "the secret detail"))

            let answered = Exchange.rejected (guardedBy hook) (requestWith [ basic "a:b" ])
            answered.Status =! 500
            test <@ not (answered.Body.Contains "secret") @>
            answered.Errors =! [ processRequestFailed ])

        testCase
            "what could never be sent is refused when the hook is made, and no secret is in the message"
            (fun () ->
                let refused (make: unit -> ProcessRequest) =
                    let error = Wait.throws<ArgumentException>(make >> ignore)
                    test <@ not (error.Message.Contains "secret") @>

                refused (fun () -> BasicAuth.Create("a:secret", "b"))
                refused (fun () -> BasicAuth.Create("a", "secret\n"))
                refused (fun () -> BasicAuth.Create("a", "secret" + String('\uD800', 1)))
                refused (fun () -> BasicAuth.Create("a", (null: string)))
                refused (fun () -> BasicAuth.Create((null: string), "b"))
                refused (fun () -> BasicAuth.Create("a", "b", "ré\r\n"))
                refused (fun () -> BasicAuth.Create((null: Func<string, string, bool>)))
                refused (fun () -> BasicAuth.Create((null: IEnumerable<KeyValuePair<string, string>>))))
    ]

[<Tests>]
let tokens =
    let alice =
        ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "alice") ], "Bearer"))

    let hook =
        BearerAuth.Create((fun token -> if token = "let.me-in" then alice else null), "api")

    testList "authentication by token" [
        testCase "a known token opens the connection as its principal" (fun () ->
            let _, user =
                Exchange.accepted
                    (guardedBy hook)
                    (requestWith [ "Authorization: Bearer let.me-in" ])
                    (fun connection -> connection.User)

            user =! alice
            usernameOf hook [ "Authorization: bearer let.me-in" ] =! "alice")

        testTheory
            "others are asked for a token"
            [
                [], "Bearer realm=\"api\""
                [ basic "a:b" ], "Bearer realm=\"api\""
                [ "Authorization: Bearer" ], "Bearer realm=\"api\""
                [ "Authorization: Bearer other" ], "Bearer realm=\"api\", error=\"invalid_token\""
            ]
            (fun (lines, challenge) ->
                let answered = Exchange.rejected (guardedBy hook) (requestWith lines)
                answered.Status =! 401
                answered.HasLine $"WWW-Authenticate: {challenge}" =! true
                answered.Errors =! [])

        testCase "a repeated header is refused with 400" (fun () ->
            statusOf hook [ "Authorization: Bearer let.me-in"; "authorization: Bearer let.me-in" ]
            =! 400)

        testCase "X2: a function that throws is answered with 500 and is one ERROR record" (fun () ->
            let hook = BearerAuth.Create(fun _ -> raise (TimeoutException "down"))

            let answered =
                Exchange.rejected (guardedBy hook) (requestWith [ "Authorization: Bearer x" ])

            (answered.Status, answered.Errors) =! (500, [ processRequestFailed ]))

        testCase "arguments are checked when the hook is made" (fun () ->
            let refused (make: unit -> ProcessRequest) =
                Wait.throws<ArgumentException>(make >> ignore) |> ignore

            refused (fun () -> BearerAuth.Create(null))
            refused (fun () -> BearerAuth.Create((fun _ -> null), "\n")))
    ]

[<Tests>]
let chains =
    testList "hooks put together" [
        testCase "the next hook sees only those who were let in" (fun () ->
            let mutable asked = 0

            let next =
                ProcessRequest(fun connection _ ->
                    asked <- asked + 1
                    connection.Respond(404, $"Not here, {connection.Username}.\n"))

            let hook = aladdin.Then next
            statusOf hook [] =! 401
            asked =! 0

            let answered =
                Exchange.rejected (guardedBy hook) (requestWith [ basic "Aladdin:open sesame" ])

            (answered.Status, answered.Body) =! (404, "Not here, Aladdin.\n")
            raises<ArgumentNullException> <@ aladdin.Then null @>)
    ]

[<Tests>]
let either =
    let tokens =
        BearerAuth.Create(fun token ->
            if token = "t" then
                ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "bob") ], "test"))
            else
                null)

    let both = aladdin.Or tokens

    testList "one kind of credentials or another" [
        testTheory
            "lets in whoever has either"
            [ basic "Aladdin:open sesame", "Aladdin"; "Authorization: Bearer t", "bob" ]
            (fun (line, name) -> usernameOf both [ line ] =! name)

        testTheory
            "tells others of both, in the words of the kind that they have"
            [
                [], "Credentials are missing.\n", "Bearer"
                [ basic "Aladdin:x" ], "The credentials are not valid.\n", "Bearer"
                [ "Authorization: Bearer x" ], "The credentials are not valid.\n", "error=\"invalid_token\""
                [ "Authorization: Digest x" ], "The credentials are not of a supported form.\n", "Bearer"
            ]
            (fun (lines, text, bearer) ->
                let answered = Exchange.rejected (guardedBy both) (requestWith lines)
                (answered.Status, answered.Body) =! (401, text)

                let challenges = [
                    for name, value in answered.Headers do
                        if name = "WWW-Authenticate" then
                            value
                ]

                test
                    <@
                        challenges.Length = 2
                        && List.exists
                            (fun (challenge: string) -> challenge.StartsWith "Basic realm=\"lamp\"")
                            challenges
                        && List.exists (fun (challenge: string) -> challenge.Contains bearer) challenges
                    @>)

        testCase "asks no further when the first has another answer, or lets in" (fun () ->
            let unasked = ProcessRequest(fun _ _ -> failwith "it was asked")
            statusOf (aladdin.Or unasked) [ basic "a:b"; basic "a:b" ] =! 400
            usernameOf (aladdin.Or unasked) [ basic "Aladdin:open sesame" ] =! "Aladdin"

            statusOf (aladdin.Or(ProcessRequest(fun _ _ -> Response.Text(403, "no")))) []
            =! 403)
    ]
