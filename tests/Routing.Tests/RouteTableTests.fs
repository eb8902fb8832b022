module FunctionalWs.Routing.Tests.RouteTableTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Routing.Tests.Routes

let private loneSurrogate = string (char 0xD800)

let private errorOf (rules: RouteRule list) =
    match RouteTable.create true rules with
    | Ok _ -> failwith "the table was made"
    | Error error -> $"{error}"

let private someUuid = "6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"

let private twoWays = [ "/a/b"; "/<x>/c"; "/<int:n>"; "/<float:f>"; "/<s>"; "/<path:p>" ]

[<Tests>]
let order =
    testList "which rule is tried first" [
        testTheory
            "by weight, not by order"
            [
                [ "/<x>"; "/v<x>"; "/ver<x>" ], "/version", "/ver<x> x=sion"
                [ "/<x>"; "/v<x>"; "/ver<x>" ], "/vice", "/v<x> x=ice"
                [ "/<x>"; "/v<x>"; "/ver<x>" ], "/nice", "/<x> x=nice"
                [ "/<x>"; "/about" ], "/about", "/about"
                [ "/<x>"; "/<a>-<b>"; "/<a>.<b>" ], "/1-2", "/<a>-<b> a=1, b=2"
                [ "/<a>-<b>"; "/<a>-<b>-<c>" ], "/1-2-3", "/<a>-<b>-<c> a=1, b=2, c=3"
                twoWays, "/a/b", "/a/b"
                twoWays, "/a/c", "/<x>/c x=a"
                twoWays, "/7", "/<int:n> n=7"
                twoWays, "/7.5", "/<float:f> f=7.5"
                twoWays, "/seven", "/<s> s=seven"
                twoWays, "/a/d", "/<path:p> p=a/d"
                [ "/<path:p>"; "/<path:p>/edit"; "/<x>/<y>" ], "/a/edit", "/<path:p>/edit p=a"
                [ "/<path:p>"; "/<path:p>/edit"; "/<x>/<y>" ], "/a/b", "/<x>/<y> x=a, y=b"
                [ "/<path:p>"; "/<path:p>/edit"; "/<x>/<y>" ], "/a/b/c/edit", "/<path:p>/edit p=a/b/c"
                [ "/<path:p>"; "/<path:p>/" ], "/a/b/", "/<path:p>/ p=a/b"
                [ "/f/<path:p>.txt"; "/f/<path:p>" ], "/f/a/b.txt", "/f/<path:p>.txt p=a/b"
                [ "/f/<path:p>/<int:n>/x" ], "/f/a/b/7/x", "/f/<path:p>/<int:n>/x p=a/b, n=7"
                [ "/<uuid:u>"; "/<s>" ], "/x", "/<s> s=x"
            ]
            (fun (rules, target, expected) ->
                answer (table rules) target =! expected
                answer (table (List.rev rules)) target =! expected)

        testCase "rules that weigh the same are tried in their order" (fun () ->
            answer (table [ "/<string(minlength=1):a>"; "/<b>" ]) "/x"
            =! "/<string(minlength=1):a> a=x"

            answer (table [ "/<b>"; "/<string(minlength=1):a>" ]) "/x" =! "/<b> b=x")

        testTheory
            "no other rule changes which of two comes first"
            [
                [ "/<uuid:u>"; "/<b>" ], "/" + someUuid, "/<uuid:u>"
                [ "/<other>/x"; "/<uuid:u>"; "/<b>" ], "/" + someUuid, "/<uuid:u>"
                [ "/<b>"; "/<uuid:u>"; "/<uuid:other>/x" ], "/" + someUuid, "/<b>"
                // What comes later in the path counts for rules that begin alike.
                [ "/<uuid:u>/<b>"; "/<a>/x" ], "/" + someUuid + "/x", "/<a>/x"
                [ "/<a>/<b>"; "/<uuid:u>/<int:n>"; "/<uuid:u>/y" ], "/" + someUuid + "/1", "/<uuid:u>/<int:n>"
                [ "/<uuid:u>/w"; "/<b>/w"; "/<uuid:u>/x"; "/<b>/x" ], "/" + someUuid + "/x", "/<uuid:u>/x"
                [ "/<uuid:u>/w"; "/<b>/w"; "/<b>/x"; "/<uuid:u>/x" ], "/" + someUuid + "/x", "/<b>/x"
            ]
            (fun (rules, target, expected) ->
                match find (table rules) target with
                | RouteMatch.Matched(endpoint, _, _) -> endpoint =! expected
                | other -> failwith $"{other}")

        testCase
            "a rule that takes the path as it is comes before one that weighs the same and adds a slash"
            (fun () ->
                for rules in [ [ "/<uuid:u>/"; "/<b>" ]; [ "/<b>"; "/<uuid:u>/" ] ] do
                    answer (table rules) ("/" + someUuid) =! $"/<b> b={someUuid}")

        testTheory
            "a value that a converter refuses goes to the next rule"
            [
                [ "/<int(max=9):n>"; "/<s>" ], "/10", "/<s> s=10"
                [ "/<int(fixed_digits=2):n>/x"; "/<s>/x"; "/<s>/y" ], "/1/y", "/<s>/y s=1"
                [ "/<any(a,b):w>"; "/<int:n>" ], "/3", "/<int:n> n=3"
                [ "/v<int:major>.<rest>" ], "/v1.2.3", "/v<int:major>.<rest> major=1, rest=2.3"
                [ "/v<int:a>.<int:b>" ], "/v1.2", "/v<int:a>.<int:b> a=1, b=2"
                [ "/<file>.<ext>" ], "/a.tar.gz", "/<file>.<ext> file=a.tar, ext=gz"
            ]
            (fun (rules, target, expected) -> answer (table rules) target =! expected)
    ]

[<Tests>]
let paths =
    testList "paths" [
        testTheory
            "are parted before they are decoded, and are no URLs"
            [
                "/<a>/<b>", "/x%2Fy/z", "/<a>/<b> a=x/y, b=z"
                "/café", "/caf%C3%A9", "/café"
                "/a b", "/a%20b", "/a b"
                "/<a>", "/x;y=1", "/<a> a=x;y=1"
                "/<a>", "/x#y", "/<a> a=x#y"
                "/<a>", "/..", "/<a> a=.."
                "/<a>", "/%2e%2E", "/<a> a=.."
                "/<a>", "/x+y", "/<a> a=x+y"
                "/<a>", "/x?y=/z/", "/<a> a=x"
                "/<a>", "/x/y", "404"
                "/<a>", "/", "404"
                "/A", "/a", "404"
                "/a", "/a%0A", "404"
                "/<a>", "http://example.com/x?y", "/<a> a=x"
                "/<a>", "WSS://EXAMPLE.com/x", "/<a> a=x"
                "/<a>", "http://example.com", "-> /"
                "/<a>", "http://example.com?x=1", "-> /?x=1"
                "/<a>", "http://other.example/x", "/<a> a=x"
                "/<a>", "http://user@example.com/x", "400"
                "/<a>", "ftp://example.com/x", "400"
                "/<a>", "x", "400"
                "/<a>", "", "400"
                "/<a>", "*", "404"
                "/<a>", "//[::1/x", "404"
                "/<a>", "/%", "400"
                "/<a>", "/%4", "400"
                "/<a>", "/%zz", "400"
                "/<a>", "/% 1", "400"
                "/<a>", "/%+1", "400"
                "/<a>", "/%00", "400"
                "/<a>", "/%ff", "400"
                "/<a>", "/%C0%AF", "400"
                "/<a>", "/%ED%A0%80", "400"
                "/<a>", "/x y", "400"
                "/<a>", "/x\r\nEvil: 1", "400"
                "/<a>", "/é", "400"
            ]
            (fun (rule, target, expected) -> answer (table [ rule ]) target =! expected)

        testCase "an encoded slash is one of a value's text, and never one between segments" (fun () ->
            let files = table [ "/files/<path:p>"; "/<a>/<b>/c" ]
            answer files "/files/a/b/c" =! "/files/<path:p> p=a/b/c"
            answer files "/files/a%2Fb/c" =! "/<a>/<b>/c a=files, b=a/b"
            answer files "/files/a%2fb" =! "404"
            answer files "/files/%2F" =! "404"
            answer files "/files/x/%2F/y" =! "404"

            // So a rule for a folder is not to be evaded.
            answer (table [ "/files/<path:p>"; "/files/private/<path:p>" ]) "/files/private%2Fx"
            =! "404")

        testTheory
            "slashes at the end, and repeated ones"
            [
                "/a/", "/a", "-> /a/"
                "/a/", "/a?b=c?d", "-> /a/?b=c?d"
                "/a/", "/a/", "/a/"
                "/a", "/a/", "404"
                "/a/b", "//a///b", "-> /a/b"
                "/a/b/", "//a//b?x", "-> /a/b/?x"
                "/a//b", "/a/b", "/a//b"
                "/a//b", "/a//b", "-> /a/b"
                "/b", "//b", "-> /b"
                "/<path:p>", "/a//b", "/<path:p> p=a//b"
                "/<path:p>", "//a", "-> /a"
                "/<path:p>/", "/a/b", "-> /a/b/"
                "/<path:p>/", "/a/b/", "/<path:p>/ p=a/b"
                "/caf\u00E9/<x>/", "/caf%C3%A9/a%2Fb%3Fc", "-> /caf%C3%A9/a%2Fb%3Fc/"
                "/", "/", "/"
                "/", "//", "-> /"
            ]
            (fun (rule, target, expected) -> answer (table [ rule ]) target =! expected)

        testCase "without strict slashes both forms match" (fun () ->
            let loose text = { rule text with StrictSlashes = false }

            for target in [ "/a"; "/a/" ] do
                answer (ofRules [ loose "/a" ]) target =! "/a"
                answer (ofRules [ loose "/a/" ]) target =! "/a/"

            answer (ofRules [ loose "/<path:p>" ]) "/x/y/" =! "/<path:p> p=x/y"
            answer (ofRules [ loose "/a"; rule "/a/" ]) "/a/" =! "/a/")

        testCase "without merged slashes each counts" (fun () ->
            let exact text = { rule text with MergeSlashes = false }
            answer (ofRules [ exact "/a/b" ]) "/a//b" =! "404"
            answer (ofRules [ exact "/a//b" ]) "/a//b" =! "/a//b"
            answer (ofRules [ exact "/a//b" ]) "/a/b" =! "404")

        testCase "a path that is there takes GET alone" (fun () ->
            let post target = {
                request "example.com" target with
                    Method = "POST"
            }

            let answer target =
                describe ((table [ "/a/" ]).Match(plain, post target))

            answer "/a/" =! "405 GET"
            answer "/a" =! "405 GET"
            answer "/b" =! "404")
    ]

[<Tests>]
let hosts =
    let answer rules at host target =
        describe ((ofRules rules).Match(at, request host target))

    let onHost name text = {
        RouteRule.Create(name, pattern text) with
            Scope = RouteScope.Host(host name)
    }

    let onSubdomain name text = {
        RouteRule.Create($"sub {name}", pattern text) with
            Scope = RouteScope.Subdomain(host name)
    }

    testList "hosts of rules" [
        testTheory
            "the port counts where the rule has one"
            [
                "a.example", "a.example", "a.example"
                "a.example", "A.Example:8080", "a.example"
                "a.example", "b.example", "404"
                "a.example:8080", "a.example:8080", "a.example:8080"
                "a.example:8080", "a.example", "404"
                "a.example:8080", "a.example:8081", "404"
                "<name>.example", "x.example:81", "<name>.example name=x"
                "{name}.example", "x.example", "{name}.example name=x"
                "<name>.example:<int:port>", "x.example:81", "<name>.example:<int:port> name=x, port=81"
                "<any(a, b):name>.example", "b.example:81", "<any(a, b):name>.example name=b"
                "<any(a, b):name>.example:81", "b.example", "404"
                "[::1]", "[::1]:99", "[::1]"
                "münchen.example", "xn--mnchen-3ya.example", "münchen.example"
            ]
            (fun (name, given, expected) -> answer [ onHost name "/" ] plain given "/" =! expected)

        testCase "a rule for the host comes before one for all, and leaves the others to it" (fun () ->
            let rules = [ rule "/<x>"; onHost "a.example" "/p" ]
            answer rules plain "a.example" "/p" =! "a.example"
            answer rules plain "a.example" "/q" =! "/<x> x=q"
            answer rules plain "b.example" "/p" =! "/<x> x=p")

        testTheory
            "a subdomain is what the host has before the server's name"
            [
                "api", "api.example.com", "sub api"
                "api", "API.example.com:8080", "sub api"
                "api", "example.com", "404"
                "api", "api.example.org", "404"
                "api", "apiexample.com", "404"
                "", "example.com", "sub "
                "", "www.example.com", "404"
                "<tenant>", "acme.example.com", "sub <tenant> tenant=acme"
            ]
            (fun (name, given, expected) ->
                answer [ onSubdomain name "/" ] (named "example.com:8080") given "/" =! expected)

        testCase "a server's name has no say in which host matches" (fun () ->
            answer [ onHost "a.example" "/" ] (named "example.com") "a.example" "/"
            =! "a.example")

        testTheory
            "a request needs one proper host"
            [
                []
                [ "a"; "b" ]
                [ "" ]
                [ "a..b" ]
                [ "u@h" ]
                [ "a:x" ]
                [ "a b" ]
                [ ".a" ]
                [ "a:70000" ]
            ]
            (fun hosts ->
                let headers =
                    hosts
                    |> List.fold (fun (all: Headers) host -> all.Add("Host", host)) Headers.Empty

                let request = {
                    request "x" "/" with
                        Headers = headers
                }

                match (table [ "/" ]).Match(plain, request) with
                | RouteMatch.BadRequest _ -> ()
                | other -> failwith $"{other}")
    ]

[<Tests>]
let redirects =
    let redirecting target text = {
        rule text with
            Redirect = ValueSome(RouteRedirect.Template target)
    }

    testList "redirects of rules" [
        testTheory
            "a template"
            [
                "/new", "/old/x", "-> /new"
                "new/<a>", "/old/x", "-> /new/x"
                "/new/{a}", "/old/x", "-> /new/x"
                "/new/<a>", "/old/%2F%2Fevil.example", "-> /new/%2F%2Fevil.example"
                "<a>", "/old/https:%2F%2Fevil.example", "-> /https:%2F%2Fevil.example"
                "<a>", "/old/%2F%2Fevil.example", "-> /%2F%2Fevil.example"
                "/new/<a>", "/old/x%0D%0AEvil:1", "-> /new/x%0D%0AEvil:1"
                "wss://other.example/<a>", "/old/x?q=1", "-> wss://other.example/x"
                "//other.example/<a>", "/old/x", "-> ws://other.example/x"
                "/neü", "/old/x", "-> /ne%C3%BC"
                "/a<b", "/old/x", "-> /a%3Cb"
                "/a{b", "/old/x", "-> /a%7Bb"
            ]
            (fun (target, path, expected) ->
                answer (ofRules [ redirecting target "/old/<a>" ]) path =! expected)

        testCase "a template of a path can't leave the host" (fun () ->
            let table = ofRules [ redirecting "<p>" "/old/<path:p>" ]

            answer table "/old/https://evil.example" =! "-> /https://evil.example")

        testCase "a function of the values" (fun () ->
            let callback =
                RouteRedirect.Callback(
                    Func<RouteValues, string>(fun values -> sprintf "/n/%d é\r\n" (values.Get<int> "n"))
                )

            let table =
                ofRules [
                    {
                        rule "/o/<int:n>" with
                            Redirect = ValueSome callback
                    }
                ]

            answer table "/o/7" =! "-> /n/7%20%C3%A9%0D%0A")

        testCase "a function whose text no URL can carry gives what can be carried" (fun () ->
            let callback =
                RouteRedirect.Callback(
                    Func<RouteValues, string>(fun values -> "/" + (values.Get<string> "a")[0..0] + "\000")
                )

            let table =
                ofRules [
                    {
                        rule "/o/<a>" with
                            Redirect = ValueSome callback
                    }
                ]

            answer table "/o/%F0%9F%8E%B2" =! "-> /%EF%BF%BD%EF%BF%BD")

        testCase "are a path alone on the request's host, whatever the server is called" (fun () ->
            let at = {
                named "s.example:1" with
                    IsSecure = true
            }

            for at in [ plain; at ] do
                describe ((table [ "/a/" ]).Match(at, request "h.example:8080" "/a?x"))
                =! "-> /a/?x"

            let onSubdomain = {
                rule "/a/" with
                    Scope = RouteScope.Subdomain(host "api")
            }

            describe (
                (ofRules [ onSubdomain ]).Match(named "example.com", request "api.example.com:81" "/a")
            )
            =! "-> /a/")

        testCase "to another host have it, and the server's scheme and port" (fun () ->
            let moved scope = [
                {
                    RouteRule.Create("user", pattern "/user/<int:id>") with
                        Scope = scope
                }
                {
                    RouteRule.Create("user", pattern "/u/<int:id>") with
                        IsAlias = true
                }
            ]

            let from host at scope =
                describe ((ofRules (moved scope)).Match(at, request host "/u/7?x=1"))

            let secure = {
                named "example.com:8443" with
                    IsSecure = true
            }

            let other = RouteScope.Host(host "new.example")
            from "old.example:81" plain other =! "-> ws://new.example:81/user/7?x=1"
            from "old.example:81" secure other =! "-> wss://new.example:8443/user/7?x=1"
            from "new.example:81" plain other =! "-> /user/7?x=1"
            from "NEW.example" secure other =! "-> /user/7?x=1"

            let withPort = RouteScope.Host(host "new.example:99")
            from "new.example:81" plain withPort =! "-> ws://new.example:99/user/7?x=1"
            from "new.example:99" plain withPort =! "-> /user/7?x=1"

            let sub = RouteScope.Subdomain(host "api")
            from "example.com" secure sub =! "-> wss://api.example.com:8443/user/7?x=1"
            from "api.example.com:81" secure sub =! "-> /user/7?x=1")

        testCase "never begin with two slashes, which would be another host" (fun () ->
            let exact = {
                rule "//<a>/" with
                    MergeSlashes = false
            }

            answer (ofRules [ exact ]) "//evil.example"
            =! "-> ws://example.com//evil.example/")

        testCase "an alias goes to the canonical rule of its endpoint" (fun () ->
            let table =
                ofRules [
                    RouteRule.Create("user", pattern "/user/<int:id>")
                    {
                        RouteRule.Create("user", pattern "/u/<int:id>") with
                            IsAlias = true
                    }
                ]

            answer table "/u/7?x=1" =! "-> /user/7?x=1"
            answer table "/user/7" =! "user id=7")

        testCase "an alias with more values than the canonical rule hands them on before the query" (fun () ->
            let table =
                ofRules [
                    RouteRule.Create("all", pattern "/all")
                    {
                        RouteRule.Create("all", pattern "/of/<a>") with
                            IsAlias = true
                    }
                ]

            answer table "/of/x" =! "-> /all?a=x"
            answer table "/of/x?q=1" =! "-> /all?a=x&q=1")

        testCase "values that are the defaults of another rule go there" (fun () ->
            let rules = [
                RouteRule.Create("list", pattern "/all/page/<int:page>")
                {
                    RouteRule.Create("list", pattern "/all/") with
                        Defaults = values [ "page", 1 ]
                }
            ]

            let table = ofRules rules
            answer table "/all/" =! "list page=1"
            answer table "/all/page/1?s=2" =! "-> /all/?s=2"
            answer table "/all/page/2" =! "list page=2"

            match RouteTable.create false rules with
            | Ok table -> answer table "/all/page/1" =! "list page=1"
            | Error error -> failwith $"{error}")

        testCase "a rule for building alone matches nothing" (fun () ->
            answer (ofRules [ { rule "/a" with IsBuildOnly = true } ]) "/a" =! "404")
    ]

[<Tests>]
let mistakes =
    testList "mistakes in a table" [
        testCase "are found when it is made" (fun () ->
            test
                <@ (errorOf [ rule "/<a>"; rule "/<b>" ]).Contains "'/<b>' is never reached: '/<a>' takes" @>

            test <@ (errorOf [ { rule "/a" with IsAlias = true } ]).Contains "is an alias, but" @>

            test
                <@
                    (errorOf [
                        {
                            rule "/<a>" with
                                Defaults = values [ "a", 1 ]
                        }
                    ])
                        .Contains
                        "has the value 'a' twice"
                @>

            let redirecting target = {
                rule "/<a>" with
                    Redirect = ValueSome(RouteRedirect.Template target)
            }

            test <@ (errorOf [ redirecting "/<int:a>" ]).Contains "has no value 'int:a'" @>

            test
                <@ (errorOf [ redirecting "/a\000/<a>" ]).Contains "which has a NUL or half a surrogate pair" @>

            test <@ (errorOf [ redirecting ("/" + loneSurrogate) ]).Contains "half a surrogate pair" @>

            test
                <@ (errorOf [ redirecting "wss://<a>.example/" ]).Contains "a host can't come from a value" @>)
    ]

let private build (table: RouteTable) endpoint pairs =
    match table.BuildPath(endpoint, values pairs) with
    | Ok path -> path
    | Error error -> $"{error}"

[<Tests>]
let building =
    testList "building URLs" [
        testTheory
            "from values"
            [
                "/<a>", [ "a", box "x y/é?" ], "/x%20y%2F%C3%A9%3F"
                "/<a>", [ "a", box ":@!$&'()*+,;=-._~" ], "/:@!$&'()*+,;=-._~"
                "/<path:a>", [ "a", box "b c//d/" ], "/b%20c//d/"
                "/<int(fixed_digits=4):n>", [ "n", box 42 ], "/0042"
                "/<int(signed=True, fixed_digits=3):n>", [ "n", box -5 ], "/-005"
                "/<int:n>", [ "n", box 5L ], "/5"
                "/<float:x>", [ "x", box 1e20 ], "/100000000000000000000.0"
                "/<float:x>", [ "x", box 1.5e-7 ], "/0.00000015"
                "/<float:x>", [ "x", box 3 ], "/3.0"
                "/<float:x>", [ "x", box 1.5f ], "/1.5"
                "/<a>", [ "a", box 5 ], "/5"
                "/<uuid:u>",
                [ "u", box (Guid "6F1C2A0E-8A55-4A0F-9D3C-0123456789AB") ],
                "/6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"
                "/a", [ "q", box "x&y"; "n", box 1.5; "b", box true ], "/a?q=x%26y&n=1.5&b=true"
                "/café/", [], "/caf%C3%A9/"
            ]
            (fun (text, pairs, expected) -> build (table [ text ]) text pairs =! expected)

        testTheory
            "not from values that wouldn't come back"
            [
                "/<int(max=9):n>", [ "n", box 10 ]
                "/<int:n>", [ "n", box -1 ]
                "/<int:n>", [ "n", box "1" ]
                "/<any(a,b):n>", [ "n", box "c" ]
                "/<n>", [ "n", box "" ]
                "/<n>", [ "n", box (string (char 0xD800)) ]
                "/<n>", [ "n", box "a\000" ]
                "/<path:n>", [ "n", box "/a" ]
                "/<path:n>", [ "n", box "" ]
                "/<path:n>", [ "n", box ("a/" + string (char 0xD800)) ]
                "/<int:n>", [ "n", box true ]
                "/<uuid:n>", [ "n", box "x" ]
                "/<float:n>", [ "n", box nan ]
                "/<n>.<m>", [ "n", box "a"; "m", box "b.c" ]
            ]
            (fun (text, pairs) ->
                test <@ (build (table [ text ]) text pairs).Contains "can't have the value" @>)

        testTheory
            "not from values or names that no query can carry"
            [
                "q", box loneSurrogate
                "q", box "a\000"
                loneSurrogate, box "a"
                "\000", box "a"
            ]
            (fun (name, value) ->
                match (table [ "/a" ]).BuildPath("/a", values [ name, value ]) with
                | Error(RouteBuildError.UnsuitableValue(rule, wrong, given)) ->
                    (rule, wrong, given) =! ("/a", name, value)
                | other -> failwith $"{other}")

        testCase "the rule with most values that fits is chosen, aliases last" (fun () ->
            let to' name text = RouteRule.Create(name, pattern text)

            let table =
                ofRules [
                    {
                        to' "e" "/alias/<a>/<b>" with
                            IsAlias = true
                    }
                    to' "e" "/one/<a>"
                    to' "e" "/two/<a>/<b>"
                    {
                        to' "e" "/default/<a>" with
                            Defaults = values [ "b", "1" ]
                    }
                ]

            build table "e" [ "a", "x" ] =! "/default/x"
            build table "e" [ "a", "x"; "b", "1" ] =! "/default/x"
            build table "e" [ "a", "x"; "b", "2" ] =! "/two/x/2"
            build table "e" [ "a", "x"; "c", "2" ] =! "/default/x?c=2")

        testCase "absolute URLs have the rule's host" (fun () ->
            let table =
                ofRules [
                    rule "/a"
                    {
                        rule "/h" with
                            Scope = RouteScope.Host(host "<n>.example")
                    }
                    {
                        rule "/s" with
                            Scope = RouteScope.Subdomain(host "<n>")
                    }
                ]

            let url endpoint pairs =
                match
                    table.BuildUrl(
                        {
                            named "example.com:81" with
                                IsSecure = true
                        },
                        endpoint,
                        values pairs
                    )
                with
                | Ok url -> url
                | Error error -> $"{error}"

            url "/a" [] =! "wss://example.com:81/a"
            url "/h" [ "n", "x" ] =! "wss://x.example:81/h"
            url "/s" [ "n", "x" ] =! "wss://x.example.com:81/s"

            for evil in [ "evil.com/"; "evil.com:80@"; "a#" ] do
                test <@ (url "/s" [ "n", evil ]).Contains "can't have the value" @>)

        testCase "errors name what is missing, or what is nearest" (fun () ->
            let table = table [ "/channel/<a>/<b>"; "/about" ]
            test <@ (build table "/abuot" []).Contains "Did you mean '/about'?" @>
            test <@ (build table "/channel/<a>/<b>" [ "a", "x" ]).Contains "further values: b" @>)

        testCase "a rule's fixed value can't be another" (fun () ->
            let table =
                ofRules [
                    {
                        rule "/a" with
                            Defaults = values [ "lang", "en" ]
                    }
                ]

            test <@ (build table "/a" [ "lang", "de" ]).Contains "is for the value 'en' of 'lang' alone" @>)

        testCase "a rule for subdomains needs the server's name" (fun () ->
            let table =
                ofRules [
                    {
                        rule "/s" with
                            Scope = RouteScope.Subdomain(host "www")
                    }
                ]

            match table.BuildUrl(plain, "/s", RouteValues.Empty) with
            | Ok url -> failwith url
            | Error error -> test <@ (string error).Contains "needs the server's name" @>)
    ]
