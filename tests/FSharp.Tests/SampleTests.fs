/// The samples in F# as their user meets them: run as processes.
module FunctionalWs.FSharp.Tests.SampleTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Server.Tests
open FunctionalWs.FSharp.Tests.Talk

/// A sample as it was built beside this test: same configuration, same framework.
let private program (name: string) : string =
    let here = DirectoryInfo AppContext.BaseDirectory
    Path.Combine(Programs.root, "samples", name, "bin", here.Parent.Name, here.Name, $"{name}.dll")

/// A sample that serves until it is told to stop.
type private Running(name: string) =
    let running = Programs.start "dotnet" [ program name; "0" ]

    let uri =
        (Wait.forTask "a line of the sample" (running.StandardOutput.ReadLineAsync())).Substring
            "listening on ".Length

    /// A client at a path.
    member _.Connect(path: string) : ClientConnection =
        WebSocket.connectWith patient (Uri(Uri uri, path).ToString())

    /// Ends it as the system does; the exit code.
    member _.Stop() : int =
        use kill = Process.Start("kill", [ "-TERM"; string running.Id ])
        kill.WaitForExit()

        if not (running.WaitForExit Wait.limit) then
            failwith "waited in vain for the sample to end"

        running.ExitCode

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill()

            running.Dispose()

let private hear (client: ClientConnection) : string = client.Receive(limit).Text

[<Tests>]
let samples =
    testList "the samples in F#" [
        testCase "the echo gives back what it is told, until it is told to stop" (fun () ->
            use sample = new Running("FSharpEcho")
            use client = sample.Connect "/"
            client.Send "hello"
            hear client =! "hello"
            client.Send [| 1uy; 2uy |]
            client.Receive(limit).Data.ToArray() =! [| 1uy; 2uy |]
            sample.Stop() =! 0
            Connection.tryReceive client =! None
            Connection.closeCode client =! Some 1001)

        testCase "in the chat people of a room hear each other" (fun () ->
            use sample = new Running("FSharpChat")
            use ada = sample.Connect "/room/tea/Ada"
            hear ada =! "Ada is here"
            use bob = sample.Connect "/room/tea/Bob"
            hear ada =! "Bob is here"
            hear bob =! "Bob is here"
            bob.Send "/name Bobby"
            hear ada =! "Bob is Bobby now"
            bob.Send [| 1uy |]
            hear bob =! "Bob is Bobby now"
            bob.WaitClosed limit =! true
            Connection.closeCode bob =! Some 1003
            hear ada =! "Bobby leaves"
            sample.Stop() =! 0)

        testCase "the tests of the chat pass" (fun () ->
            let code, output =
                Programs.run "dotnet" [ program "FSharpChat.Tests"; "--colours"; "0" ]

            test <@ output.Contains("0 failed, 0 errored", StringComparison.Ordinal) @>
            code =! 0)
    ]
