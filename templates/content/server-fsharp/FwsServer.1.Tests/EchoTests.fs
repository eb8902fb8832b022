/// The handler on the real server, but in memory: no port, no waiting.
module EchoTests

open Expecto
open FunctionalWs.FSharp.Testing
open FunctionalWs.Protocol

[<Tests>]
let tests =
    testList "an echo" [
        testCase "what is said comes back" (fun () ->
            use server = InMemory.serve Echo.handle
            use client = server |> InMemory.connect "/"

            client.Send "hello"
            Expect.equal (client.Receive().Text) "hello" "the text"

            client.Send [| 1uy; 2uy; 3uy |]
            Expect.equal (client.Receive().Data.ToArray()) [| 1uy; 2uy; 3uy |] "the bytes")

        testCase "a client that says goodbye is answered" (fun () ->
            use server = InMemory.serve Echo.handle
            use client = server |> InMemory.connect "/"

            let status = client |> InMemory.close CloseCode.NormalClosure ""
            Expect.equal (status |> Option.map _.Number) (Some 1000) "the status"
            Expect.isEmpty (InMemory.handlerExceptions server) "what the handler threw")
    ]

[<EntryPoint>]
let main args = runTestsInAssemblyWithCLIArgs [] args
