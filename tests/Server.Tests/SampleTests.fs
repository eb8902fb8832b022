/// Each sample as its user meets it: run as a process, asked by clients that no one here wrote.
module FunctionalWs.Server.Tests.SampleTests

open System
open System.IO
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open System.Text
open System.Text.Json
open Expecto
open Swensen.Unquote

let private at (sample: Samples.RunningSample) (path: string) = Uri(sample.Address, path)

let private basic (text: string) =
    "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes text)

/// Messages of the chat in short, such as "joined Bob".
let private inShort (message: string) : string =
    use json = JsonDocument.Parse message

    let text (name: string) =
        json.RootElement.GetProperty(name).GetString()

    match text "type" with
    | "welcome" ->
        let people = [
            for person in json.RootElement.GetProperty("people").EnumerateArray() -> person.GetString()
        ]

        let history = json.RootElement.GetProperty("history").GetArrayLength()
        let among = String.Join(", ", people)
        $"""welcome {text "name"} among {among} after {history}"""
    | "said" -> $"""{text "name"}: {text "text"}"""
    | "pong" -> $"""pong {json.RootElement.GetProperty("id").GetInt64()}"""
    | kind -> $"""{kind} {text "name"}"""

let private chat (sample: Samples.RunningSample) (room: string) (name: string) =
    Samples.connect (at sample $"/room/{room}?name={name}") []

let private say (client: Samples.WebSocketClient) (text: string) =
    client.Send(JsonSerializer.Serialize {| ``type`` = "say"; text = text |})

let private hear (client: Samples.WebSocketClient) (messages: string list) =
    [ for _ in messages -> inShort (client.Receive()) ] =! messages

[<Tests>]
let chatSample =
    testList "the sample Chat" [
        testCase "people of a room hear each other, and who comes and goes" (fun () ->
            use sample = new Samples.RunningSample("Chat", [ "0" ])
            use ada = chat sample "lobby" "Ada"
            hear ada [ "welcome Ada among Ada after 0" ]
            use bob = chat sample "lobby" "Bob"
            hear bob [ "welcome Bob among Ada, Bob after 0" ]
            hear ada [ "joined Bob" ]
            use eve = chat sample "elsewhere" "Eve"
            hear eve [ "welcome Eve among Eve after 0" ]
            say ada "<b>hello</b>"
            hear ada [ "Ada: <b>hello</b>" ]
            hear bob [ "Ada: <b>hello</b>" ]
            bob.Send """{"type":"ping","id":7}"""
            hear bob [ "pong 7" ]
            use second = chat sample "lobby" "Bob"
            hear second [ "welcome Bob 2 among Ada, Bob, Bob 2 after 1" ]
            (second :> IDisposable).Dispose()
            hear ada [ "joined Bob 2"; "left Bob 2" ]
            let code, output = sample.Stop "TERM"
            hear bob [ "joined Bob 2"; "left Bob 2" ]
            eve.ReceiveClose() =! (1001, "")
            code =! 0
            test <@ output.Contains "Open it in two windows" @>)

        testCase "what is no message of the chat ends the connection with 1008" (fun () ->
            use sample = new Samples.RunningSample("Chat", [ "0" ])

            for room, message in
                List.indexed [
                    "hello"
                    "[]"
                    """{"type":"shout","text":"hello"}"""
                    """{"type":"say","text":null}"""
                    """{"type":"say","text":" "}"""
                    """{"type":"say","text":"\ud800"}"""
                    """{"type":"ping","id":1.5}"""
                ] do
                use ada = chat sample $"lobby{room}" "Ada" // the one before may not have left yet
                hear ada [ "welcome Ada among Ada after 0" ]
                ada.Send message
                ada.ReceiveClose() =! (1008, "not understood"))

        testCase "a client that doesn't read is sent away; the others hear everything" (fun () ->
            use sample = new Samples.RunningSample("Chat", [ "0" ])
            use ada = chat sample "lobby" "Ada"
            hear ada [ "welcome Ada among Ada after 0" ]
            use _ = Samples.connectSlow (at sample "/room/lobby?name=Slow")
            hear ada [ "joined Slow" ]
            let text = String('x', 2_000)

            let deadline = FunctionalWs.Deadline.After(TimeProvider.System, Wait.limit)

            let mutable hasLeft = false

            // Many at a time: a loaded machine takes long for each answer.
            while not hasLeft do
                if deadline.HasPassed then
                    failwith "the slow client is still there"

                for _ in 1..20 do
                    say ada text

                let mutable heard = 0

                while heard < 20 do
                    match inShort (ada.Receive()) with
                    | "left Slow" -> hasLeft <- true
                    | message ->
                        message =! $"Ada: {text}"
                        heard <- heard + 1)

        testCase "the page comes with headers that keep it to itself" (fun () ->
            use sample = new Samples.RunningSample("Chat", [ "0" ])

            for path in [ "/"; "/room/lobby" ] do
                let status, header, page = Samples.get (at sample path) ""
                status =! 200
                header "Content-Type" =! "text/html; charset=utf-8"
                header "Cache-Control" =! "no-store"
                header "X-Content-Type-Options" =! "nosniff"
                let policy = header "Content-Security-Policy"
                test <@ policy.Contains "default-src 'none'" && policy.Contains "script-src 'sha256-" @>
                test <@ page.StartsWith("<!doctype html>", StringComparison.Ordinal) @>

            let status, _, _ = Samples.get (at sample "/else") ""
            status =! 404)
    ]

[<Tests>]
let counterSample =
    testList "the sample Counter" [
        testCase "everybody sees every change, and how many look on" (fun () ->
            use sample = new Samples.RunningSample("Counter", [ "0" ])
            let _, _, page = Samples.get sample.Address ""
            test <@ page.Contains "Counter" @>
            use one = Samples.connect sample.Address []
            one.Receive() =! """{"value":0,"users":1}"""
            use two = Samples.connect sample.Address []
            one.Receive() =! """{"value":0,"users":2}"""
            two.Receive() =! """{"value":0,"users":2}"""
            one.Send "plus"
            two.Receive() =! """{"value":1,"users":2}"""
            two.Send "minus"

            [ one.Receive(); one.Receive() ]
            =! [ """{"value":1,"users":2}"""; """{"value":0,"users":2}""" ]

            two.Receive() =! """{"value":0,"users":2}"""
            two.Send "times"
            two.ReceiveClose() =! (1008, "plus or minus is expected")
            one.Receive() =! """{"value":0,"users":1}"""
            fst (sample.Stop "TERM") =! 0)
    ]

[<Tests>]
let basicAuthSample =
    testList "the sample BasicAuth" [
        testCase "page, health check and WebSocket on one port, each for whom it is meant" (fun () ->
            use sample = new Samples.RunningSample("BasicAuth", [ "0" ])

            let page (path: string) (authorization: string) =
                let status, _, body = Samples.get (at sample path) authorization
                status, body

            let greeting (credentials: string) (origin: string) =
                let headers = [
                    "Authorization", basic credentials
                    if origin <> "" then
                        "Origin", origin
                ]

                use client = new Samples.WebSocketClient(sample.Address, headers)

                match client.Connect() with
                | 101 -> client.Receive()
                | status -> string status

            page "/health" "" =! (200, "healthy\n")
            fst (page "/" "") =! 401
            let status, body = page "/" (basic "alice:secret")
            status =! 200
            test <@ body.StartsWith("<!doctype html>", StringComparison.Ordinal) @>
            greeting "alice:secret" "" =! "Hello, alice!"
            greeting "bob:hidden" $"http://{sample.Address.Authority}" =! "Hello, bob!"
            greeting "alice:hidden" "" =! "401"
            greeting "alice:secret" "https://evil.example" =! "403"
            let code, output = sample.Stop "TERM"
            code =! 0
            test <@ output.Contains $"curl http://alice:secret@{sample.Address.Authority}/" @>)
    ]

/// What a client of the TLS sample is greeted with, and what the sample says of its certificate.
let private greetingOverTls (arguments: string list) =
    use sample = new Samples.RunningSample("Tls", "0" :: arguments)
    let status, _, page = Samples.get sample.Address ""

    (status, page.StartsWith("<!doctype html>", StringComparison.Ordinal))
    =! (200, true)

    use client = Samples.connect sample.Address []
    let greeting = client.Receive()
    client.Send "hello"
    client.Receive() =! "hello"
    let code, output = sample.Stop "TERM"
    client.ReceiveClose() =! (1001, "")
    code =! 0
    greeting, output

[<Tests>]
let tlsSample =
    testList "the sample Tls" [
        testCase "serves with a certificate that it makes" (fun () ->
            let greeting, output = greetingOverTls []
            test <@ greeting.StartsWith("Hello over Tls1", StringComparison.Ordinal) @>
            test <@ output.Contains "CN=localhost" && output.Contains "SHA-256: " @>)

        testCase "serves with a certificate that it is given" (fun () ->
            use folder = new Listening.Folder()
            use key = ECDsa.Create()

            let request = CertificateRequest("CN=given.example", key, HashAlgorithmName.SHA256)

            let now = DateTimeOffset.UtcNow
            use certificate = request.CreateSelfSigned(now.AddDays -1.0, now.AddDays 1.0)
            let files = [ folder.Path "certificate.pem"; folder.Path "key.pem" ]
            File.WriteAllText(files[0], certificate.ExportCertificatePem())
            File.WriteAllText(files[1], key.ExportPkcs8PrivateKeyPem())
            let _, output = greetingOverTls files
            test <@ output.Contains "CN=given.example" @>)

        testCase "a file that isn't there gives one line and exit code 1" (fun () ->
            let code, output =
                Programs.run "dotnet" [ Samples.program "Tls"; "0"; "/nowhere/a.pem"; "/nowhere/b.pem" ]

            code =! 1
            test <@ output.Contains "/nowhere/" && output.Trim().Split('\n').Length = 1 @>)
    ]

let private explain (arguments: string list) : int * string list =
    let code, output = Programs.run "dotnet" (Samples.program "Explain" :: arguments)
    code, output.TrimEnd().Split('\n') |> Array.map _.TrimEnd() |> Array.toList

let private hello = "81 85 37fa213d 7f9f4d5158"

let private helloExplained = [
    "@0      81 85 37 fa 21 3d"
    "        Text, 5 bytes, masked with 37FA213D: FIN 1, RSV 000, opcode 1"
    "        payload \"Hello\""
    "        -> Open; tells: text message complete"
]

[<Tests>]
let explainSample =
    testList "the sample Explain" [
        testCase
            "frames with their fields, the state after each, and the first broken rule with section and byte"
            (fun () ->
                explain [ hello; "83 80" ]
                =! (1,
                    helloExplained
                    @ [
                        "@11     83 80"
                        "        BROKEN at byte 11: invalid opcode 0x3"
                        "        RFC 6455 §5.2: The opcodes 3 to 7 and B to F are reserved."
                        "        close code 1002"
                        "        -> Draining, failed: invalid opcode 0x3; sent 1002 'invalid opcode 0x3'; writes: Close 1002 'invalid opcode 0x3'; ends sending"
                    ]))

        testTheory
            "dumps of the usual forms, with or without a request before the frames"
            [
                "00000000: 8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX\n"
                "00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58                 |..7.!=..MQX|\n0000000b\n"
                "\t0x0000:  8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX"
                "0x81,0x85,0x37,0xfa,0x21,0x3d,0x7f,0x9f,0x4d,0x51,0x58"
                "818537FA213D7F9F4D5158"
            ]
            (fun dump ->
                use folder = new Listening.Folder()
                let file = folder.Path "dump.txt"
                File.WriteAllText(file, dump)
                explain [ file ] =! (0, helloExplained))

        testCase "a request before the frames is skipped" (fun () ->
            let request = Convert.ToHexString "GET / HTTP/1.1\r\nHost: a\r\n\r\n"B
            let code, lines = explain [ request; hello ]
            code =! 0
            lines.Tail =! helloExplained
            test <@ lines.Head.StartsWith("27 bytes of an opening handshake", StringComparison.Ordinal) @>)

        testTheory
            "options change what is broken"
            [
                [ "8100" ], 1
                [ "--role"; "client"; "8100" ], 0
                [ "--max-size"; "4"; hello ], 1
                [ "--max-frame"; "4"; hello ], 1
                [ "--max-frames"; "1"; "0180 00000000 8080 00000000" ], 1
                [ "8181 00000000 ff" ], 1
                [ "--no-utf8"; "8181 00000000 ff" ], 0
                [ "c181 00000000 ff" ], 1
                [ "--rsv1"; "c181 00000000 ff" ], 0
                [ "81fe0001 00000000 41" ], 1
                [ "--long-lengths"; "81fe0001 00000000 41" ], 0
                [ "8185 37fa21" ], 0
                [ "8185 37fa213d 7f" ], 0
                [ "8880 00000000 8100" ], 0
            ]
            (fun (arguments, code) -> fst (explain arguments) =! code)

        testCase "a recording, as a log has it" (fun () ->
            let recording =
                "Last steps of the connection: ws-recording/2 role=server max=1048576,-,262144 text=checked rsv=0 "
                + "lengths=shortest started=2030-01-02T03:04:05.0000000Z dropped=3 state=open "
                + "| +0 @20 <8185.#5 | +5 @31 <8380.x"

            let code, lines = explain [ recording ]
            code =! 1
            lines.Head =! "(cut: 3 steps before this; Open)"
            lines[1] =! "@20 < Text, 5 bytes -> Open; tells: text message complete"
            test <@ lines |> List.exists _.Contains("BROKEN at byte 31: invalid opcode 0x3") @>
            fst (explain [ "--max-size"; "4"; recording ]) =! 1)

        testTheory
            "what can't be read gives a usage and exit code 2"
            [
                []
                [ "--role"; "nobody"; hello ]
                [ "--what" ]
                [ "no bytes" ]
                [ "/nowhere/dump.txt" ]
                [ "818" ]
                [ "ws-recording/2 of nothing" ]
                [ "--max-size"; "-1"; hello ]
                [ "--max-frames"; "0"; hello ]
            ]
            (fun arguments ->
                let code, lines = explain arguments
                code =! 2
                test <@ lines |> List.exists _.StartsWith("usage: Explain", StringComparison.Ordinal) @>)
    ]

[<Tests>]
let allSamples =
    testList "the samples" [
        testTheory
            "a bad port gives a usage line and exit code 2"
            [ "BasicAuth", "65536"; "Chat", "-1"; "Counter", "x"; "Tls", "65536" ]
            (fun (name, port) ->
                let code, output = Programs.run "dotnet" [ Samples.program name; port ]
                code =! 2
                test <@ output.StartsWith($"usage: {name}", StringComparison.Ordinal) @>)

        testCase "the sample TestedHandler passes its tests" (fun () ->
            let code, output = Programs.run "dotnet" [ Samples.program "TestedHandler" ]
            code =! 0
            test <@ output.TrimEnd().EndsWith("5 passed, 0 failed", StringComparison.Ordinal) @>)
    ]
