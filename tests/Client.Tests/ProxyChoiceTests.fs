module FunctionalWs.Client.Tests.ProxyChoiceTests

open System
open System.Collections.Generic
open System.Diagnostics
open System.Net
open System.Reflection
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Client.Tests.Peers

let private secret = "p@ss:wörd"

let private proxyOf (text: string) =
    ProxyServer.For(uri "ws://example.test/", WebProxy(Uri text))

/// Tells every URI that it is asked about.
type private Asked(answer: Uri, isBypassed: bool) =
    member val Uris = List<Uri>()
    member val Bypasses = List<Uri>()

    interface IWebProxy with
        member val Credentials = null with get, set

        member asked.GetProxy uri =
            asked.Uris.Add uri
            answer

        member asked.IsBypassed uri =
            asked.Bypasses.Add uri
            isBypassed

/// What a process finds in its environment.
let private inEnvironment (variables: (string * string) list) (uri: string) : string =
    let start =
        ProcessStartInfo("dotnet", RedirectStandardOutput = true, UseShellExecute = false)

    [ "exec"; Assembly.GetExecutingAssembly().Location; "--proxy-of"; uri ]
    |> List.iter start.ArgumentList.Add

    for name in [ "HTTP_PROXY"; "HTTPS_PROXY"; "ALL_PROXY"; "NO_PROXY" ] do
        start.Environment.Remove name |> ignore
        start.Environment.Remove(name.ToLowerInvariant()) |> ignore

    for name, value in variables do
        start.Environment[name] <- value

    use child = Process.Start start
    let text = child.StandardOutput.ReadToEndAsync()
    let text = Wait.forTask "the process's word" text
    child.WaitForExit()
    text.Trim()

[<Tests>]
let choice =
    testList "the choice of a proxy" [
        testCase "is none without any, and where it is to be passed by" (fun () ->
            let target = uri "ws://example.test/"
            ProxyServer.For(target, null) =! null
            ProxyServer.For(target, Asked(Uri "http://proxy.test", true)) =! null
            ProxyServer.For(target, Asked(null, false)) =! null

            ProxyServer.For(target, WebProxy("http://proxy.test", false, [| "example" |]))
            =! null

            ProxyServer.For(target, Asked(Uri "http://example.test/", false)) =! null)

        testTheory
            "asks for the URI with http or https, without its userinfo"
            [
                "ws://user:secret@example.test/chat?a=b", "http://example.test/chat?a=b"
                "wss://user:secret@example.test/", "https://example.test/"
                "ws://[::1]:8765/", "http://[::1]:8765/"
            ]
            (fun (text, expected) ->
                let asked = Asked(Uri "http://proxy.test:3128", false)
                let proxy = ProxyServer.For(uri text, asked)
                proxy.ToString() =! "http://proxy.test:3128"
                List.ofSeq asked.Uris =! [ Uri expected ]
                List.ofSeq asked.Bypasses =! [ Uri expected ])

        testTheory
            "takes scheme, host and port as the proxy's URI has them"
            [
                "http://proxy.test", false, "proxy.test", 80, "http://proxy.test:80"
                "http://proxy.test:3128", false, "proxy.test", 3128, "http://proxy.test:3128"
                "socks5://proxy.test", true, "proxy.test", 1080, "socks5://proxy.test:1080"
                "socks5h://proxy.test:9050", true, "proxy.test", 9050, "socks5://proxy.test:9050"
                "SOCKS5://[::1]:9050", true, "::1", 9050, "socks5://[::1]:9050"
                "http://[::1]:3128", false, "::1", 3128, "http://[::1]:3128"
            ]
            (fun (text, isSocks, host, port, shown) ->
                let proxy = proxyOf text

                (proxy.IsSocks, proxy.Host, proxy.Port, proxy.ToString())
                =! (isSocks, host, port, shown)

                isNull (box proxy.Credentials) =! true)

        testTheory
            "takes name and password from the proxy's URI, decoded"
            [
                "http://alice:p%40ss%3Aw%C3%B6rd@proxy.test", "alice", secret
                "socks5://alice:p%40ss%3Aw%C3%B6rd@proxy.test", "alice", secret
                "http://al%20ice@proxy.test", "al ice", ""
                "http://alice:a:b@proxy.test", "alice", "a:b"
            ]
            (fun (text, name, password) ->
                let proxy = proxyOf text

                (proxy.Credentials.Username, proxy.Credentials.Password) =! (name, password)

                test <@ not ((string proxy).Contains "alice") @>)

        testCase "takes them from the proxy's credentials otherwise, with their domain" (fun () ->
            let login (credentials: ICredentials) =
                let proxy = WebProxy("http://proxy.test:3128", Credentials = credentials)
                ProxyServer.For(uri "ws://example.test/", proxy).Credentials

            let alice = login (NetworkCredential("alice", secret))
            (alice.Username, alice.Password) =! ("alice", secret)
            let corporate = login (NetworkCredential("alice", secret, "corp"))
            corporate.Username =! "corp\\alice"
            isNull (box (login CredentialCache.DefaultCredentials)) =! true
            let cache = CredentialCache()
            cache.Add(Uri "http://other.test", "Basic", NetworkCredential("alice", secret))
            isNull (box (login cache)) =! true
            cache.Add(Uri "http://proxy.test:3128", "Basic", NetworkCredential("bob", secret))
            (login cache).Username =! "bob")

        testTheory
            "refuses another kind, and names those that there are"
            [ "https://alice:secret@proxy.test"; "socks4://alice:secret@proxy.test" ]
            (fun text ->
                let error = Wait.throws<NotSupportedException>(fun () -> proxyOf text |> ignore)
                let scheme = text.Substring(0, text.IndexOf ':')

                error.Message
                =! $"The proxy's scheme is '{scheme}'; it can be http, socks5 or socks5h.")

        testCase "refuses what is no place to go to" (fun () ->
            for place in [ Uri("proxy.test", UriKind.Relative); Uri "file:///proxy" ] do
                let error =
                    Wait.throws<NotSupportedException>(fun () ->
                        ProxyServer.For(uri "ws://example.test/", Asked(place, false)) |> ignore)

                error.Message =! "The proxy's URI names no host.")

        testTheory
            "refuses a login that can't be sent, and tells nobody of it"
            [
                "http://al%3Aice:secret@proxy.test:1",
                "The login of the proxy http://proxy.test:1 can't be sent: there is a colon in the name, or a control character in one of them."
                "http://alice:secret%0A@proxy.test:1",
                "The login of the proxy http://proxy.test:1 can't be sent: there is a colon in the name, or a control character in one of them."
                $"socks5://alice:{String('s', 256)}@proxy.test:1",
                "The login of the proxy socks5://proxy.test:1 doesn't fit into SOCKS: 1 to 255 bytes for the name, 0 to 255 for the password."
                "socks5://:secret@proxy.test:1",
                "The login of the proxy socks5://proxy.test:1 doesn't fit into SOCKS: 1 to 255 bytes for the name, 0 to 255 for the password."
            ]
            (fun (text, message) ->
                let error = Wait.throws<ArgumentException>(fun () -> proxyOf text |> ignore)
                error.Message =! message)

        testCase "is what the environment says, as .NET reads it" (fun () ->
            let variables = [
                "HTTP_PROXY", "http://plain.test:3128"
                "HTTPS_PROXY", "socks5://alice:secret@secure.test:9050"
                "NO_PROXY", "inside.test"
            ]

            let found = inEnvironment variables
            found "ws://example.test/" =! "http://plain.test:3128"
            found "wss://example.test/" =! "socks5://secure.test:9050 alice:***"
            found "wss://inside.test/" =! "direct"

            inEnvironment [ "ALL_PROXY", "http://all.test:1" ] "wss://example.test/"
            =! "http://all.test:1"

            inEnvironment [] "wss://example.test/" =! "direct")
    ]
