/// The sample Host as its user meets it: a process that is sent a signal.
module FunctionalWs.Hosting.Tests.HostSampleTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Swensen.Unquote
open FunctionalWs.Server.Tests

/// The sample as it was built beside this test: same configuration, same framework.
let private program =
    let here = DirectoryInfo AppContext.BaseDirectory
    Path.Combine(Programs.root, "samples", "Host", "bin", here.Parent.Name, here.Name, "Host.dll")

/// The address in the one line that tells it, among those of the log.
let rec private readAddress (label: string) (sample: Process) : Uri =
    match Wait.forTask "the sample's address" (sample.StandardOutput.ReadLineAsync()) with
    | null -> failwith "the sample ended without telling its address"
    | line when line.StartsWith(label, StringComparison.Ordinal) -> Uri(line.Substring label.Length)
    | _ -> readAddress label sample

let private anyPort = [ "--WebSocket:Port=0"; "--Health:Port=0" ]

let private ask (address: Uri) (path: string) : int * string =
    use client = new Net.Http.HttpClient(Timeout = Wait.limit)

    use request =
        new Net.Http.HttpRequestMessage(Net.Http.HttpMethod.Get, Uri(address, path))

    use response = client.Send request
    use body = new StreamReader(response.Content.ReadAsStream())
    int response.StatusCode, body.ReadToEnd().TrimEnd()

let private signal (name: string) (sample: Process) =
    use kill = Process.Start("kill", [ $"-{name}"; string sample.Id ])
    kill.WaitForExit()

/// Whatever comes before it: who enters first hears what the next one says.
let rec private hear (text: string) (client: PlatformClient) =
    if client.Receive() <> text then
        client |> hear text

[<Tests>]
let hostSample =
    testList "the sample Host" [
        testCase
            "everybody hears everybody, and a signal ends it with 1001, its figures and exit code 0"
            (fun () ->
                use sample = Programs.start "dotnet" (program :: anyPort)

                try
                    let address = sample |> readAddress "listening on "
                    let output = sample.StandardOutput.ReadToEndAsync()
                    use ada = new PlatformClient(address)
                    use bob = new PlatformClient(address)

                    // Each hears its own word: then nothing of it is under way any more.
                    for client, name in [ ada, "Ada"; bob, "Bob" ] do
                        client.Send $"{name} is in"
                        client |> hear $"{name} is in"

                    ada.Send "hello"
                    [ ada; bob ] |> List.iter (hear "hello")
                    sample |> signal "TERM"
                    ada.ReceiveClose() =! Some 1001
                    bob.ReceiveClose() =! Some 1001
                    test <@ sample.WaitForExit Wait.limit @>
                    sample.ExitCode =! 0
                    let written = Wait.forTask "the sample's output" output
                    // Its own figures, the server's, and the spans of connections.
                    for name in
                        [
                            "room.messages"
                            "functionalws.server.active_connections"
                            "functionalws.close.code"
                        ] do
                        test <@ written.Contains name @>
                finally
                    if not sample.HasExited then
                        sample.Kill())

        testCase "a full room is alive and not ready, by a port of its own, and ready again" (fun () ->
            use sample =
                Programs.start "dotnet" (program :: "--WebSocket:MaxConnections=1" :: anyPort)

            try
                let address = sample |> readAddress "listening on "
                let health = sample |> readAddress "health on "
                let output = sample.StandardOutput.ReadToEndAsync()
                ask health "/ready" =! (200, "Healthy")

                (use ada = new PlatformClient(address)
                 ada.Send "in"
                 ada |> hear "in"
                 ask health "/ready" =! (503, "Degraded")
                 ask health "/live" =! (200, "alive"))

                Wait.until "the room has a place again" (fun () -> ask health "/ready" = (200, "Healthy"))
                fst (ask health "/") =! 404
                sample |> signal "TERM"
                test <@ sample.WaitForExit Wait.limit @>
                Wait.forTask "the sample's output" output |> ignore
            finally
                if not sample.HasExited then
                    sample.Kill())

        testCase "a setting that is wrong is one line and exit code 1" (fun () ->
            let code, output =
                Programs.run "dotnet" (program :: "--WebSocket:MaxQueue=none" :: anyPort)

            code =! 1
            test <@ output.Contains "WebSocket:MaxQueue: 'none' is no whole number" @>)
    ]
