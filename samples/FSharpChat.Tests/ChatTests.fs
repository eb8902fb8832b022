/// The rooms on the real server, in memory: no port, no waiting. Then in many schedules, each determined by a seed.
module ChatTests

open Expecto
open FunctionalWs
open FunctionalWs.FSharp.Testing
open FunctionalWs.Generators
open FunctionalWs.Protocol
open FunctionalWs.Testing

/// Values of the protocol are made by its generators.
let private config = {
    FsCheckConfig.defaultConfig with
        arbitrary = [ typeof<ProtocolValues> ]
}

let private hear (client: TestClient) : string = client.Receive().Text

[<Tests>]
let tests =
    testList "the chat" [
        testCase "people of a room hear each other" (fun () ->
            use server = InMemory.route (Chat.routes ())
            use ada = server |> InMemory.connect "/room/tea/Ada"
            Expect.equal (hear ada) "Ada is here" "the welcome"
            use bob = server |> InMemory.connect "/room/tea/Bob"
            Expect.equal (hear ada, hear bob) ("Bob is here", "Bob is here") "who comes"
            bob.Send "hello"
            Expect.equal (hear ada, hear bob) ("Bob: hello", "Bob: hello") "what is said"
            bob.Send "/count"
            Expect.equal (hear bob) "You have said 1 things." "what is for one"
            bob.Close() |> ignore
            Expect.equal (hear ada) "Bob leaves" "who goes")

        testCase "a name of other letters is no path" (fun () ->
            use server = InMemory.route (Chat.routes ())
            Expect.equal (server |> InMemory.get "/room/tea/Ada7").StatusCode 404 "the status")

        testPropertyWithConfig
            config
            "however somebody leaves, the others hear of it"
            (fun (status: CloseStatus) ->
                use server = InMemory.route (Chat.routes ())
                use ada = server |> InMemory.connect "/room/tea/Ada"
                let welcome = hear ada // she is in the room
                use bob = server |> InMemory.connect "/room/tea/Bob"

                match status with
                | NoStatus -> bob.Close() |> ignore
                | Status(code, reason) -> bob.Close(code, reason) |> ignore

                [ welcome; hear ada; hear ada ] = [ "Ada is here"; "Bob is here"; "Bob leaves" ])

        testCase "whatever comes first, both hear all that is said once both are there" (fun () ->
            Simulate.runSeeds 50 (fun simulation ->
                let server = simulation |> Simulate.route (Chat.routes ())
                let ada = server |> InMemory.connect "/room/tea/Ada"
                Expect.equal (hear ada) "Ada is here" "the welcome"
                let bob = server |> InMemory.connect "/room/tea/Bob"
                Expect.equal (hear ada, hear bob) ("Bob is here", "Bob is here") "both are there"

                let says (client: TestClient) name () =
                    for number in 1..3 do
                        client.Send $"{name} {number}"

                simulation |> Simulate.together [ says ada "a"; says bob "b" ]
                let heard (client: TestClient) = set [ for _ in 1..6 -> hear client ]

                let said =
                    set [
                        for number in 1..3 do
                            $"Ada: a {number}"
                            $"Bob: b {number}"
                    ]

                Expect.equal (heard ada) said "what Ada hears"
                Expect.equal (heard bob) said "what Bob hears"))
    ]
