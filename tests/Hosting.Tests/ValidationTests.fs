module FunctionalWs.Hosting.Tests.ValidationTests

open Microsoft.Extensions.Options
open Expecto
open Swensen.Unquote
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

/// What a host says that can't start with these settings.
let private failures (settings: string) : string list =
    use host =
        Hosts.build (fun builder ->
            Hosts.withJson $$"""{ "Chat": { {{settings}} } }""" builder

            builder.Services.AddWebSocketServer(Hosts.echo, "chat").Bind "Chat" |> ignore)

    let error =
        Wait.throws<OptionsValidationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())

    List.ofSeq error.Failures

[<Tests>]
let validation =
    testList "a host doesn't start with a setting that is wrong" [
        testTheory
            "and tells which, and what is allowed"
            [
                """ "Port": 70000 """, "Port is from 0 to 65535, not 70000."
                """ "Port": 0, "MaxQueue": 0 """, "MaxQueue is from 1 to 2147483647."
                """ "Port": 0, "PingInterval": "-00:00:01" """, "PingInterval is more than zero and at most"
                """ "Port": 0, "PingInterval": "30" """,
                "Chat:PingInterval: '30' is no time such as 00:00:30."
                """ "Port": "http" """, "Chat:Port: 'http' is no whole number"
                """ "Port": 0, "MaxConnections": null """, "Chat:MaxConnections: It can't be null."
                """ "Port": 0, "MaxConnections": [1, 2] """,
                "Chat:MaxConnections: It is one value, not several."
                """ "Port": 0, "ValidateText": "yes" """,
                "Chat:ValidateText: 'yes' is neither true nor false."
                """ "Port": 0, "SlowPeerPolicy": "1" """,
                "Chat:SlowPeerPolicy: '1' is none of Skip, DropOldest, Disconnect."
                """ "Port": 0, "Origins": [""] """, "Chat:Origins: item 0, '': An origin is not empty"
                """ "Port": 0, "TrustedProxies": ["me"] """,
                "Chat:TrustedProxies: item 0, 'me': 'me' is neither an address nor"
                """ "Port": 0, "MaxMesageSize": 1 """, "Chat:MaxMesageSize is no setting of a server."
                """ "Port": 0, "Compression": { "Level": "x" } """,
                "Chat:Compression:Level: 'x' is no whole number"
                """ "Port": 0, "Compression": { "Level": 10 } """, "Level is from 0 to 9"
                """ "Port": 0, "Compression": false """,
                "Chat:Compression: 'False' is no group of settings: it takes some of ServerNoContextTakeover"
                """ "Port": 0, "Compression": "off" """, "Chat:Compression: 'off' is no group of settings"
                """ "Port": 0, "Compression": 0 """, "Chat:Compression: '0' is no group of settings"
                """ "Port": 0, "Compression": "" """, "Chat:Compression: '' is no group of settings"
                """ "Port": 0, "FlightRecorder": true """,
                "Chat:FlightRecorder: 'True' is no group of settings"
                """ "Port": 0, "Compression": { "On": true } """,
                "Chat:Compression:On is no setting of a server."
                """ "Port": 0, "PingInterval": "" """,
                "Chat:PingInterval: '' is no value: it takes one, or null for none."
                """ "Port": 0, "MaxQueue": "" """, "Chat:MaxQueue: '' is no value"
                """ "Port": 0, "MaxConnections": "" """, "Chat:MaxConnections: '' is no value: it takes one."
                """ "Port": 0, "MaxConnections": "null" """, "Chat:MaxConnections: 'null' is no whole number"
                """ "Port": 0, "ServerHeader": "" """, "Chat:ServerHeader: '' is no value"
                """ "UnixSocketPath": "" """, "Chat:UnixSocketPath: '' is no value"
                """ "Port": 0, "UnixSocketMode": "UserRead, 4" """,
                "Chat:UnixSocketMode: 'UserRead, 4' is none of"
                """ "Port": 0, "SlowPeerPolicy": "Skip, Disconnect" """,
                "Chat:SlowPeerPolicy: 'Skip, Disconnect' is none of"
                """ "Port": 0, "ShutdownTimeout": "00:00:00" """, "ShutdownTimeout is more than zero"
                """ "Port": 0, "UnixSocketMode": "0680" """,
                "Chat:UnixSocketMode: '0680' is no mode: it is from 0000 to 7777 in octal digits, such as 0660."
                """ "Port": 0, "UnixSocketMode": "17777" """,
                "Chat:UnixSocketMode: '17777' is no mode: it is from 0000 to 7777"
                """ "Port": 0, "UnixSocketMode": "-1" """, "Chat:UnixSocketMode: '-1' is no mode"
                """ "Address": "localhost" """,
                "It takes one of Port, UnixSocketPath and SystemdSockets to know where to listen, and there is none."
                """ "Port": 0, "unixSocketPath": "/x" """,
                "to know where to listen, and there are Chat:Port = 0 and Chat:unixSocketPath = /x; null takes one away."
            ]
            (fun (settings, expected) ->
                let found = failures settings
                test <@ found.Length = 1 @>

                test
                    <@
                        found.Head.StartsWith(
                            "The WebSocket server 'chat': ",
                            System.StringComparison.Ordinal
                        )
                    @>

                test <@ found.Head.Contains expected @>)

        testCase "and tells all that is wrong at once" (fun () ->
            let found = failures """ "Port": -1, "MaxQueue": 0, "What": 1 """
            test <@ found.Length = 3 @>)

        testCase "and tells what was set in code" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    Hosts.withJson """{ "Chat": { "Port": 1, "SystemdSockets": true } }""" builder

                    builder.Services
                        .AddWebSocketServer(Hosts.echo)
                        .Bind("Chat")
                        .Configure(fun options -> options.Port <- 2)
                    |> ignore)

            let error =
                Wait.throws<OptionsValidationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())

            test
                <@ error.Message.Contains "there are Port = 2, set in code and Chat:SystemdSockets = True;" @>)

        testCase "and tells a section that has nothing" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    builder.Services.AddWebSocketServer(Hosts.echo).Bind "Chat" |> ignore)

            let error =
                Wait.throws<OptionsValidationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())

            test <@ error.Message.Contains "the configuration has nothing in the section 'Chat'" @>)
    ]
