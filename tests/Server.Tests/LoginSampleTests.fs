/// The sample for logging in, as a process, with the platform's own clients.
module FunctionalWs.Server.Tests.LoginSampleTests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.WebSockets
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote

let private sample =
    let here = DirectoryInfo AppContext.BaseDirectory

    let rec root (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln")) then
            folder.FullName
        else
            root folder.Parent

    Path.Combine(root here, "samples", "Login", "bin", here.Parent.Name, here.Name, "Login.dll")

/// Runs the sample while something is done with its address, such as 127.0.0.1:40000.
let private whileRunning (act: string -> unit) =
    let start =
        ProcessStartInfo("dotnet", [ sample; "0" ], RedirectStandardOutput = true)

    use running = Process.Start start

    try
        let line =
            Wait.forTask "a line of the sample" (running.StandardOutput.ReadLineAsync())

        act (Uri(line.Substring "listening on ".Length).Authority)
    finally
        running.Kill()

let private credentials (text: string) =
    "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes text)

let private get (url: string) (authorization: string) : int * string =
    use client = new HttpClient(Timeout = Wait.limit)
    use request = new HttpRequestMessage(HttpMethod.Get, url)

    if authorization <> "" then
        request.Headers.Add("Authorization", authorization)

    use response = client.Send request
    use reader = new StreamReader(response.Content.ReadAsStream())
    int response.StatusCode, reader.ReadToEnd()

/// The first message, or the status of the refusal.
let private greeting (address: string) (authorization: string) (origin: string) : string =
    use client = new ClientWebSocket()
    use limit = new CancellationTokenSource(Wait.limit)
    client.Options.CollectHttpResponseDetails <- true
    client.Options.SetRequestHeader("Authorization", authorization)

    if origin <> "" then
        client.Options.SetRequestHeader("Origin", origin)

    try
        client.ConnectAsync(Uri $"ws://{address}/", limit.Token).Wait()
        let buffer = Array.zeroCreate<byte> 1_000

        let received =
            Wait.forTask "the greeting" (client.ReceiveAsync(ArraySegment buffer, limit.Token))

        Encoding.UTF8.GetString(buffer, 0, received.Count)
    with :? AggregateException when client.HttpStatusCode <> HttpStatusCode.SwitchingProtocols ->
        string (int client.HttpStatusCode)

[<Tests>]
let login =
    testList "the login sample" [
        testCase "page, health check and WebSocket on one port, each for whom it is meant" (fun () ->
            whileRunning (fun address ->
                get $"http://{address}/health" "" =! (200, "healthy\n")
                fst (get $"http://{address}/" "") =! 401
                let status, page = get $"http://{address}/" (credentials "alice:secret")
                status =! 200
                test <@ page.StartsWith "<!doctype html>" @>
                greeting address (credentials "alice:secret") "" =! "Hello, alice!"
                greeting address (credentials "bob:hidden") $"http://{address}" =! "Hello, bob!"
                greeting address (credentials "alice:hidden") "" =! "401"
                greeting address (credentials "alice:secret") "https://evil.example" =! "403"))
    ]
