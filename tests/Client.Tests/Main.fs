module FunctionalWs.Client.Tests.Main

open System.Net.Http
open FunctionalWs.TestKit
open FunctionalWs
open FunctionalWs.Protocol

[<EntryPoint>]
let main args =
    match args with
    // What the environment says, for a test in a process of its own.
    | [| "--proxy-of"; uri |] ->
        match ProxyServer.For(WebSocketUri.Parse uri, HttpClient.DefaultProxy) with
        | null -> printfn "direct"
        | proxy -> printfn $"{proxy} {proxy.Credentials}"

        0
    | _ -> TestPlatform.run args
