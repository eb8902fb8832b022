/// Values as JSON: what is written and read, and what becomes of messages that are none.
module FunctionalWs.Server.Tests.JsonTests

open System
open System.Collections.Generic
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Json.Serialization
open System.Text.Json.Serialization.Metadata
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

type Said = { Text: string; Count: int }

/// One that a message says the case of; in a list, which can't say it itself.
[<AbstractClass; JsonPolymorphic; JsonDerivedType(typeof<Circle>, "circle")>]
type Shape() = class end

and Circle() =
    inherit Shape()
    member val Radius = 0 with get, set

type Drawing = { Shapes: Shape list }

/// One that nobody can read, whatever the client sends.
[<AbstractClass>]
type Nothing() = class end

/// One that its own converter refuses, in the words of the client.
type private Refusing() =
    inherit JsonConverter<Guid>()

    override _.Read(reader: byref<Utf8JsonReader>, _: Type, _: JsonSerializerOptions) : Guid =
        raise (JsonException $"no guid: {reader.GetString()}")

    override _.Write(writer: Utf8JsonWriter, value: Guid, _: JsonSerializerOptions) =
        writer.WriteRawValue(ReadOnlySpan [| 0x22uy; 0xFFuy; 0x22uy |], true)

let private options =
    JsonSerializerOptions(
        JsonSerializerDefaults.Web,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true
    )

options.Converters.Add(Refusing())
options.MakeReadOnly(true)

let private typed<'T> = options.GetTypeInfo typeof<'T> :?> JsonTypeInfo<'T>
let private said = typed<Said>

/// What a server whose handler does something answers to a message, and its records.
let private answered
    (kind: MessageKind)
    (message: byte[])
    (handler: ServerConnection -> unit)
    : Wire * Records =
    let records = new Records()

    use server =
        inMemory handler (ServerOptions(LoggerFactory = records, ValidateText = false))

    use client = client server

    client.WriteFrame(
        true,
        (if kind = MessageKind.Text then
             Opcode.Text
         else
             Opcode.Binary),
        message
    )

    let answer = client.Read()
    client.Transport.Abort()
    Wait.until "the connection has gone" (fun () -> server.Occupied = 0)
    answer, records

let private codeOf (wire: Wire) =
    match wire with
    | Closed status -> status.Number
    | other -> failwith $"%A{other} came"

let private idsAbove (level: LogLevel) (records: Records) = [
    for struct (found, id, _) in records.All do
        if found > level then
            id
]

/// Every way in which a handler asks for a value.
let private ways: (string * (ServerConnection -> JsonTypeInfo<'T> -> 'T)) list = [
    "received", (fun connection info -> connection.Receive info)
    "of a message", (fun connection info -> connection.Receive().Json info)
    "of a lent message",
    (fun connection info ->
        let mutable lent = connection.Lent().GetEnumerator()
        lent.MoveNext() |> ignore

        try
            lent.Current.Json info
        finally
            lent.Dispose())
]

let private untaken: (string * MessageKind * byte[] * int) list = [
    "no JSON", MessageKind.Text, "{"B, 1007
    "nothing", MessageKind.Text, [||], 1007
    "more behind it", MessageKind.Text, """{"text":"a","count":1} {}"""B, 1007
    "a string that is no UTF-8",
    MessageKind.Text,
    Array.concat [ "{\"text\":\""B; [| 0xFFuy |]; "\",\"count\":1}"B ],
    1007
    "bytes that are no JSON", MessageKind.Binary, [| 0uy; 1uy |], 1003
    "another shape", MessageKind.Text, "[1]"B, 1003
    "another type", MessageKind.Text, """{"text":"a","count":"x"}"""B, 1003
    "a field is missing", MessageKind.Text, """{"text":"a"}"""B, 1003
    "null", MessageKind.Text, "null"B, 1003
    "too large a number", MessageKind.Text, """{"text":"a","count":1e99}"""B, 1003
    "too deep",
    MessageKind.Text,
    Array.concat [ "{\"more\":"B; Array.replicate 100 '['B; Array.replicate 100 ']'B; "}"B ],
    1003
]

let private refusals =
    testList "what is no value closes the connection, without an error in the log" [
        for way, read in ways do
            for name, kind, message, code in untaken do
                testCase $"{way}: {name}" (fun () ->
                    let answer, records =
                        answered kind message (fun connection -> read connection said |> ignore)

                    codeOf answer =! code
                    idsAbove LogLevel.Information records =! [])
    ]

let private cases =
    testList "a type with cases" [
        testTheory
            "a message that names none is the client's doing, also deep inside"
            [ true; false ]
            (fun isDeep ->
                let answer, records =
                    if isDeep then
                        answered MessageKind.Text """{"shapes":[{"radius":1}]}"""B (fun connection ->
                            connection.Receive typed<Drawing> |> ignore)
                    else
                        answered MessageKind.Text """{"radius":1}"""B (fun connection ->
                            connection.Receive typed<Shape> |> ignore)

                codeOf answer =! 1003
                idsAbove LogLevel.Information records =! [])

        testCase "that nobody can read is the application's fault: 1011, and an error" (fun () ->
            let answer, records =
                answered MessageKind.Text "{}"B (fun connection ->
                    connection.Receive typed<Nothing> |> ignore)

            codeOf answer =! 1011
            idsAbove LogLevel.Information records =! [ 24 ])
    ]

let private writing =
    testList "written" [
        testTheory "as text, by each way to send" [ "sent"; "broadcast" ] (fun way ->
            let value = { Text = "Grüße \"&\" 😀"; Count = 7 }

            use server =
                defaults
                |> inMemory (fun connection ->
                    if way = "sent" then
                        connection.Send(value, said)
                    else
                        let result = Broadcast.Send([ connection ], value, said)
                        result.Sent =! 1

                    Seq.iter ignore connection.Messages)

            use client = client server

            match client.Read() with
            | Data(Opcode.Text, true, payload) ->
                payload =! JsonSerializer.SerializeToUtf8Bytes(value, said)
                JsonSerializer.Deserialize(ReadOnlySpan payload, said) =! value
            | other -> failwith $"{other}")

        testCase "as the options of the type say" (fun () ->
            let own =
                JsonSerializerOptions(
                    WriteIndented = true,
                    IndentCharacter = '\t',
                    IndentSize = 1,
                    NewLine = "\n",
                    Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                    TypeInfoResolver = DefaultJsonTypeInfoResolver()
                )

            let info = own.GetTypeInfo typeof<Said> :?> JsonTypeInfo<Said>

            use server =
                defaults
                |> inMemory (fun connection -> connection.Send({ Text = "ü&'"; Count = 7 }, info))

            use client = client server
            client.ReadText() =! "{\n\t\"Text\": \"ü&'\",\n\t\"Count\": 7\n}")

        testTheory
            "what can't be written is not sent, nor the beginning of it"
            [ "sent"; "broadcast" ]
            (fun way ->
                let loop = Dictionary<string, obj>()
                loop["itself"] <- loop

                use server =
                    defaults
                    |> inMemory (fun connection ->
                        Wait.throws<JsonException>(fun () ->
                            if way = "sent" then
                                connection.Send(loop, typed<Dictionary<string, obj>>)
                            else
                                Broadcast.Send([ connection ], loop, typed<Dictionary<string, obj>>)
                                |> ignore)
                        |> ignore

                        // Its converter writes what is no UTF-8.
                        Wait.throws<ArgumentException>(fun () ->
                            if way = "sent" then
                                connection.Send(Guid.Empty, typed<Guid>)
                            else
                                Broadcast.Send([ connection ], Guid.Empty, typed<Guid>) |> ignore)
                        |> ignore

                        connection.Send "after")

                use client = client server
                client.ReadText() =! "after")

        testCase "to memory that is lent: no array is made for the message" (fun () ->
            let value = {
                Text = String('x', 100_000)
                Count = 1
            }

            let buffer = PooledBuffer()
            JsonPayload.Write(buffer, value, said)
            buffer.Release()
            let before = GC.GetAllocatedBytesForCurrentThread()
            JsonPayload.Write(buffer, value, said)
            let made = GC.GetAllocatedBytesForCurrentThread() - before
            buffer.Release()
            made <! 50_000L)
    ]

let private reading =
    testList "read" [
        testCase "each way gives the value that was sent, as text or as bytes" (fun () ->
            for _, read in ways do
                for kind in [ MessageKind.Text; MessageKind.Binary ] do
                    let answer, _ =
                        answered kind """{"count":3,"text":"a","more":[]}"""B (fun connection ->
                            let value = read connection said
                            connection.Send $"{value.Text} {value.Count}")

                    answer =! Data(Opcode.Text, true, "a 3"B))

        testCase "or says that there is none, and the handler decides" (fun () ->
            use server =
                defaults
                |> inMemory (fun connection ->
                    match connection.Receive().TryJson said with
                    | true, _ -> connection.Send "a value"
                    | false, value -> connection.Send $"none: {isNull (box value)}"

                    for message in connection.Lent() do
                        let mutable value = Unchecked.defaultof<Said>
                        let isRead = message.TryJson(said, &value)
                        connection.Send $"{isRead}")

            use client = client server
            client.SendText "null"
            client.ReadText() =! "none: True"
            client.SendText "{"
            client.ReadText() =! "False"
            client.SendText """{"count":3,"text":"a"}"""
            client.ReadText() =! "True"
            client.SendClose 1000
            codeOf (client.Read()) =! 1000)

        testCase "not in time: a TimeoutException, and the message that comes later is not lost" (fun () ->
            use server =
                defaults
                |> inMemory (fun connection ->
                    Wait.throws<TimeoutException>(fun () ->
                        connection.Receive(said, TimeSpan.Zero) |> ignore)
                    |> ignore

                    connection.Send "go on"
                    connection.Send(connection.Receive(said, TimeSpan.FromDays 1.0), said))

            use client = client server
            client.ReadText() =! "go on"
            client.SendText """{"text":"a","count":1}"""
            client.ReadText() =! """{"text":"a","count":1}""")

        testCase "of a message of another connection, or of the application's own: its fault" (fun () ->
            for message in [ Message "{"; Message(ReadOnlyMemory "{"B) ] do
                let answer, records =
                    answered MessageKind.Text "x"B (fun _ -> message.Json said |> ignore)

                codeOf answer =! 1011
                idsAbove LogLevel.Information records =! [ 24 ])

        testCase "wrong, and wrapped by the handler's own exception, is still the client's doing" (fun () ->
            let answer, records =
                answered MessageKind.Text "{"B (fun connection ->
                    let message = connection.Receive()
                    Task.Run(fun () -> message.Json said |> ignore).Wait())

            codeOf answer =! 1007
            idsAbove LogLevel.Information records =! [])

        testTheory "wrong, in a handler for messages" [ "own"; "lent" ] (fun way ->
            let face =
                if way = "own" then
                    MessageHandler.ForEach(
                        Action<ServerConnection, Message>(fun connection message ->
                            connection.Send(message.Json said, said))
                    )
                else
                    MessageHandler.ForEach(
                        Func<ServerConnection, MessageHandler>(fun _ -> {
                            new MessageHandler() with
                                member _.Received(connection, message) =
                                    connection.Send(message.Json said, said)
                        })
                    )

            use server = overTcp face.Invoke defaults
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.SendText """{"text":"a","count":1}"""
            client.ReadText() =! """{"text":"a","count":1}"""
            client.SendText "[]"
            codeOf (client.Read()) =! 1003)

        testCase "from memory that is lent: no array is made for the message" (fun () ->
            let made = TaskCompletionSource<int64>()
            let filling = String('x', 50_000)

            use server =
                defaults
                |> inMemory (fun connection ->
                    connection.Receive said |> ignore
                    let before = GC.GetAllocatedBytesForCurrentThread()
                    connection.Receive said |> ignore
                    made.SetResult(GC.GetAllocatedBytesForCurrentThread() - before))

            use client = client server

            for _ in 1..2 do
                client.SendText $$"""{"text":"a","count":1,"filling":"{{filling}}"}"""

            Wait.forTask "the handler" made.Task <! 20_000L)

        testCase "wrong: what the client wrote is escaped and cut, and the path tells where" (fun () ->
            let hostile = "\"" + "\\n\\u202e" + String('x', 1000) + "\""

            let error =
                Wait.throws<NotJsonException>(fun () ->
                    (Message $"[{hostile}]").Json typed<Guid list> |> ignore)

            test <@ error.Message.StartsWith @"The JSON is no FSharpList`1: no guid: \u000A\u202Exxx" @>
            error.Message.Length <! 320
            error.Path =! "$[0]"
            error.CloseCode =! CloseCode.UnsupportedData
            test <@ isNull error.InnerException @>)

        testCase "nothing is taken for null: it is named" (fun () ->
            let connection = Unchecked.defaultof<ServerConnection>
            let none = Unchecked.defaultof<JsonTypeInfo<Said>>
            let value = { Text = ""; Count = 0 }

            let refused (name: string) (call: unit -> unit) =
                (Wait.throws<ArgumentNullException> call).ParamName =! name

            refused "connection" (fun () -> connection.Send(value, said))
            refused "connection" (fun () -> connection.Receive said |> ignore)
            refused "type" (fun () -> (Message "1").Json none |> ignore)
            refused "type" (fun () -> (Message "1").TryJson none |> ignore)
            refused "type" (fun () -> Broadcast.Send([], value, none) |> ignore)
            refused "connections" (fun () -> Broadcast.Send(null, value, said) |> ignore))

        testProperty "whatever was written" (fun (text: string) (count: int) ->
            let text = if isNull text then "" else text
            let value = { Text = text; Count = count }
            let buffer = PooledBuffer()
            JsonPayload.Write(buffer, value, said)
            let read = Message(buffer.Written.ToArray()).Json said
            buffer.Release()

            // A lone surrogate is no character: it is written as U+FFFD.
            read =! JsonSerializer.Deserialize(JsonSerializer.Serialize(value, said), said))
    ]

[<Tests>]
let json = testList "JSON" [ refusals; cases; writing; reading ]
