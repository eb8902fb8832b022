/// The handler on the real server, but in memory: no port, no waiting.
module EchoTests

open Expecto
open FunctionalWs.Hosting
open FunctionalWs.Testing
open Microsoft.Extensions.Logging.Abstractions

let serve () =
    let handler: IConnectionHandler = Echo NullLogger<Echo>.Instance
    InMemoryServer.Serve handler.Handle

[<Tests>]
let tests =
    testList "an echo" [
        testCase "what is said comes back" (fun () ->
            use server = serve ()
            use client = server.Connect()

            client.Send "hello"
            Expect.equal (client.Receive().Text) "hello" "the text"

            client.Send [| 1uy; 2uy; 3uy |]
            Expect.equal (client.Receive().Data.ToArray()) [| 1uy; 2uy; 3uy |] "the bytes")

        testCase "a client that says goodbye is answered" (fun () ->
            use server = serve ()
            use client = server.Connect()

            Expect.equal (string (client.Close())) "1000" "the status"
            Expect.isEmpty server.HandlerExceptions "what the handler threw")
    ]

[<EntryPoint>]
let main args = runTestsInAssemblyWithCLIArgs [] args
