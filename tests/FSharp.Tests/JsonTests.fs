/// Records of F# in JSON, in messages and in texts.
module FunctionalWs.FSharp.Tests.JsonTests

open System
open System.Text.Json
open System.Text.Json.Serialization
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.FSharp.Testing

type Inner = { Name: string }

type Whole = {
    Text: string
    Count: int
    Many: int list
    Inner: Inner
    Note: string option
    Place: int voption
    Size: Nullable<int>
}

[<CLIMutable>]
type Settable = { Word: string; Extra: string option }

type Kind =
    | Big
    | Small

type OfKind = { Kind: Kind }

let private whole = Json.typeInfo<Whole> Json.options

let private good = {
    Text = "a"
    Count = 1
    Many = [ 2 ]
    Inner = { Name = "b" }
    Note = None
    Place = ValueNone
    Size = Nullable()
}

let private refusal (read: unit -> 'T) : string =
    try
        read () |> ignore
        "none"
    with :? JsonException as error ->
        error.Message

[<Tests>]
let records =
    testList "records in JSON" [
        testCase "are read where nothing is missing but what may be absent" (fun () ->
            """{"text":"a","count":1,"many":[2],"inner":{"name":"b"}}"""
            |> Json.ofText whole
            =! good

            """{"text":"a","count":1,"many":[2],"inner":{"name":"b"},"note":null,"place":null,"size":null}"""
            |> Json.ofText whole
            =! good

            """{"text":"a","count":1,"many":[2],"inner":{"name":"b"},"note":"n","place":3,"size":4}"""
            |> Json.ofText whole
            =! {
                   good with
                       Note = Some "n"
                       Place = ValueSome 3
                       Size = Nullable 4
               })

        testCase "are refused with a field that is missing, by its name" (fun () ->
            let missing name text =
                test <@ (refusal (fun () -> Json.ofText whole text)).Contains $"'{name}'" @>

            missing "text" """{"count":1,"many":[2],"inner":{"name":"b"}}"""
            missing "count" """{"text":"a","many":[2],"inner":{"name":"b"}}"""
            missing "many" """{"text":"a","count":1,"inner":{"name":"b"}}"""
            missing "name" """{"text":"a","count":1,"many":[2],"inner":{}}""")

        testCase "are refused with a field that is null where its type has none" (fun () ->
            for text in
                [
                    """{"text":null,"count":1,"many":[2],"inner":{"name":"b"}}"""
                    """{"text":"a","count":null,"many":[2],"inner":{"name":"b"}}"""
                    """{"text":"a","count":1,"many":null,"inner":{"name":"b"}}"""
                    """{"text":"a","count":1,"many":[2],"inner":null}"""
                    """{"text":"a","count":1,"many":[2],"inner":{"name":null}}"""
                ] do
                Json.tryOfText whole text =! None
                Json.tryRead whole (Message text) =! None)

        testCase "that can be set are refused likewise" (fun () ->
            let settable = Json.typeInfo<Settable> Json.options
            Json.ofText settable """{"word":"a"}""" =! { Word = "a"; Extra = None }
            Json.tryOfText settable "{}" =! None
            Json.tryOfText settable """{"word":null}""" =! None)

        testCase "of options that are made strict keep their converters and names" (fun () ->
            let converter = {
                new JsonConverter<Kind>() with
                    override _.Read(reader, _, _) =
                        if reader.GetString() = "big" then Big else Small

                    override _.Write(writer, _, _) = writer.WriteStringValue "kind"
            }

            let options = JsonSerializerOptions()
            options.Converters.Add converter
            let ofKind = Json.typeInfo<OfKind>(Json.strict options)
            Json.ofText ofKind """{"Kind":"big"}""" =! { Kind = Big }
            Json.toText ofKind { Kind = Big } =! """{"Kind":"kind"}"""
            Json.tryOfText ofKind """{"kind":"big"}""" =! None)

        testCase "go to text and back" (fun () ->
            let text = Json.toText whole good

            text
            =! """{"text":"a","count":1,"many":[2],"inner":{"name":"b"},"note":null,"place":null,"size":null}"""

            Json.ofText whole text =! good
            Json.tryOfText whole "{" =! None
            Json.tryOfText whole "null" =! None
            refusal (fun () -> Json.ofText whole "null") =! "The value is null.")

        testCase "that a client sends without a field close with 1003" (fun () ->
            use server =
                InMemory.serve (fun connection ->
                    for message in connection do
                        connection.Send (Json.read whole message).Text)

            use client = server |> InMemory.connect "/"
            client.Send """{"text":"a"}"""

            (client |> InMemory.waitClosed |> Option.map _.Number) =! Some 1003)
    ]
