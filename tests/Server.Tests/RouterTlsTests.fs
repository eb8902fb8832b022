module FunctionalWs.Server.Tests.RouterTlsTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs

let private urls =
    let tell = Action<ServerConnection>(fun c -> c.Send $"{c.RouteValues}")

    UrlMap [
        Rule("/page/<int:n>/", tell)
        Rule.Redirect("/old/<int:n>", "/page/<n>/")
        Rule.Redirect("/away/<int:n>", "//other.example/<n>")
    ]

let private request (target: string) =
    PeerClient.Request.Replace("/chat", target).Replace("example.com", "example.com:8443")

/// Status and place of a redirect, over TLS.
let private redirected (routing: RouterOptions) (target: string) : string =
    use server = Router(urls, routing).Serve("127.0.0.1", 0, Tls.options ())
    server.Start()
    use client = Tls.connect server
    client.Write(request target)
    let response = client.ReadToEnd()

    let location =
        response.Split("\r\n")
        |> Array.find _.StartsWith("Location: ", StringComparison.Ordinal)

    response.Substring(9, 3) + location.Substring "Location:".Length

[<Tests>]
let tests =
    testList "a router over TLS" [
        testCase
            "redirects lead to a path alone, and to wss on another host, unless that is set otherwise"
            (fun () ->
                for target in [ "/old/7"; "/page/7"; "//page/7/" ] do
                    redirected (RouterOptions()) target =! "302 /page/7/"

                    redirected (RouterOptions(SecureUrls = Nullable false, ServerName = "a.example")) target
                    =! "302 /page/7/"

                redirected (RouterOptions()) "/away/7" =! "302 wss://other.example/7"

                redirected (RouterOptions(SecureUrls = Nullable false)) "/away/7"
                =! "302 ws://other.example/7")

        testCase "the handler of the rule runs, with its values" (fun () ->
            use server = Router(urls).Serve("127.0.0.1", 0, Tls.options ())
            server.Start()
            use client = Tls.connect server
            client.Write(request "/page/7/")
            test <@ client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>
            client.ReadText() =! "n=7")
    ]
