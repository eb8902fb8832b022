/// Groups by functions that give nothing back.
module FunctionalWs.FSharp.Tests.GroupTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.FSharp.Testing

type Word = { Word: string }

[<Tests>]
let groups =
    testList "groups" [
        testCase "have members, who get what is sent to all, until they are removed" (fun () ->
            let rooms = Groups()
            let word = Json.typeInfo<Word> Json.options

            let handler (connection: ServerConnection) =
                let room = rooms["tea"]
                room |> Group.add connection
                room |> Group.add connection // is one already
                room |> Group.sendText "text"
                room |> Group.sendBytes [| 1uy; 2uy |]
                room |> Group.sendMessage (Message "message")
                room |> Group.sendJson word { Word = "json" }
                room |> Group.remove connection
                room |> Group.remove connection // is none any more
                room |> Group.sendText "not heard"

            use server = InMemory.serve handler
            use client = server |> InMemory.connect "/"
            client.Receive() =! Message "text"
            client.Receive() =! Message(ReadOnlyMemory [| 1uy; 2uy |])
            client.Receive() =! Message "message"
            client.Receive() =! Message """{"word":"json"}"""
            InMemory.tryReceive client =! None
            rooms.Count =! 0)
    ]
