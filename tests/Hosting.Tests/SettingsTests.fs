module FunctionalWs.Hosting.Tests.SettingsTests

open System
open System.IO
open System.Net
open System.Reflection
open Microsoft.Extensions.Configuration
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Options
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Hosting

/// What a configuration makes of the options; nothing is started.
let private read (json: string) : WebSocketServerOptions =
    use host =
        Hosts.build (fun builder ->
            Hosts.withJson json builder
            builder.Services.AddWebSocketServer(Hosts.echo).Bind "WebSocket" |> ignore)

    host.Services.GetRequiredService<IOptions<WebSocketServerOptions>>().Value

let private readServer (settings: string) : ServerOptions =
    (read $$"""{ "WebSocket": { "Port": 0, {{settings}} } }""").ServerOptions

/// Types of options that are code: hooks, certificates, services.
let private isCode (property: PropertyInfo) =
    let kind = property.PropertyType

    typeof<Delegate>.IsAssignableFrom kind
    || kind = typeof<System.Net.Security.SslServerAuthenticationOptions>
    || kind = typeof<TimeProvider>
    || kind.Name.EndsWith("Factory", StringComparison.Ordinal)
    || kind = typeof<System.Collections.Generic.IReadOnlyList<IServerExtension>>

let private plainOptions (kind: Type) =
    kind.GetProperties()
    |> Array.filter (fun property -> property.CanWrite && not (isCode property))
    |> Array.map _.Name
    |> Set.ofArray

[<Tests>]
let settings =
    testList "settings in a configuration" [
        testCase "where to listen, and how long a stop takes" (fun () ->
            let options =
                read """{ "WebSocket": { "Address": "::1", "Port": 8765, "ShutdownTimeout": "00:00:20" } }"""

            options.Address =! "::1"
            options.Port =! Nullable 8765
            options.ShutdownTimeout =! Nullable(TimeSpan.FromSeconds 20.0)
            let options = read """{ "WebSocket": { "UnixSocketPath": "/run/chat.sock" } }"""
            options.UnixSocketPath =! "/run/chat.sock"
            options.Port =! Nullable())

        testCase "times, numbers and choices" (fun () ->
            let options =
                readServer
                    """ "PingInterval": "00:00:30", "SendTimeout": "00:01:00", "MaxMessageSize": 65536, "maxqueue": "4",
                        "MaxBufferedBytes": 10000000000, "ValidateText": false, "SlowPeerPolicy": "disconnect", "UnixSocketMode": "UserRead, UserWrite" """

            options.PingInterval =! Nullable(TimeSpan.FromSeconds 30.0)
            options.SendTimeout =! Nullable(TimeSpan.FromMinutes 1.0)
            options.MaxMessageSize =! Nullable 65_536
            options.MaxQueue =! Nullable 4
            options.MaxBufferedBytes =! Nullable 10_000_000_000L
            options.ValidateText =! false
            options.SlowPeerPolicy =! SlowPeerPolicy.Disconnect

            options.UnixSocketMode
            =! Nullable(UnixFileMode.UserRead ||| UnixFileMode.UserWrite)

            options.CloseTimeout =! ServerOptions().CloseTimeout)

        testCase "null turns a limit off, and the word for it where a source has no null" (fun () ->
            let options =
                readServer
                    """ "PingInterval": null, "PingTimeout": "null", "MaxQueue": null, "ServerHeader": null """

            options.PingInterval =! Nullable()
            options.PingTimeout =! Nullable()
            options.MaxQueue =! Nullable()
            test <@ isNull options.ServerHeader @>)

        testCase "lists" (fun () ->
            let options =
                readServer
                    """ "Origins": ["https://example.com", "none"], "Subprotocols": ["chat", "log"],
                        "TrustedProxies": ["10.0.0.0/8", "::1"], "ForwardedHeaders": "XForwardedFor" """

            test <@ [ for origin in options.Origins -> string origin ] = [ "https://example.com"; "none" ] @>
            test <@ List.ofSeq options.Subprotocols = [ "chat"; "log" ] @>

            test
                <@
                    List.ofSeq options.TrustedProxies = [
                        IPNetwork.Parse "10.0.0.0/8"
                        IPNetwork.Parse "::1/128"
                    ]
                @>)

        testCase "an empty list of origins lets nobody in, null everyone" (fun () ->
            let nobody = readServer """ "Origins": [] """
            test <@ nobody.Origins.Count = 0 @>
            let everyone = readServer """ "Origins": null """
            test <@ isNull everyone.Origins @>)

        testCase "compression and the flight recorder" (fun () ->
            let options =
                readServer
                    """ "Compression": { "Level": 1, "ServerMaxWindowBits": 9 }, "FlightRecorder": { "MaxSteps": 7 } """

            options.Compression.Level =! 1
            options.Compression.ServerMaxWindowBits =! Nullable 9
            options.Compression.MinSize =! 64
            options.FlightRecorder.MaxSteps =! 7
            let off = readServer """ "Compression": null """
            test <@ isNull off.Compression @>)

        testTheory
            "null in a later source turns off a group of an earlier one"
            [ true; false ]
            (fun isLater ->
                let sources = [
                    """{ "WebSocket": { "Port": 0, "Compression": { "Level": 1 } } }"""
                    """{ "WebSocket": { "Compression": null } }"""
                ]

                use host =
                    Hosts.build (fun builder ->
                        for source in (if isLater then sources else List.rev sources) do
                            Hosts.withJson source builder

                        builder.Services.AddWebSocketServer(Hosts.echo).Bind "WebSocket" |> ignore)

                let options =
                    host.Services.GetRequiredService<IOptions<WebSocketServerOptions>>().Value

                isNull options.Compression =! isLater)

        testCase "none among the origins is a request without one" (fun () ->
            let options = readServer """ "Origins": ["none", "https://a.example"] """

            [ for origin in options.Origins -> string origin ]
            =! [ "none"; "https://a.example" ]

            obj.ReferenceEquals(options.Origins[0], Origin.None) =! true)

        testCase "each option that is a plain value has its row" (fun () ->
            let all = plainOptions typeof<WebSocketServerOptions> - set [ "ServerOptions" ]
            set (SettingsReader.NamesOf<WebSocketServerOptions>()) =! all
            plainOptions typeof<ServerOptions> - all =! Set.empty

            set (SettingsReader.NamesOf<PerMessageDeflate>())
            =! plainOptions typeof<PerMessageDeflate>

            set (SettingsReader.NamesOf<FlightRecorderOptions>())
            =! plainOptions typeof<FlightRecorderOptions>)

        testCase "each option of a server is one here, too, and the same" (fun () ->
            let server = typeof<ServerOptions>.GetProperties() |> Array.filter _.CanWrite
            let options = WebSocketServerOptions()

            for property in server do
                let here = typeof<WebSocketServerOptions>.GetProperty property.Name
                test <@ not (isNull here) && here.PropertyType = property.PropertyType @>
                test <@ here.GetValue options = property.GetValue(ServerOptions()) @>

            options.MaxQueue <- 7
            options.ServerOptions.MaxQueue =! Nullable 7
            options.ServerOptions <- ServerOptions(MaxFragments = 9)
            options.MaxFragments =! 9)

        testTheory
            "permissions are in octal digits"
            [ "0660", 0o660; "660", 0o660; "0", 0; "1777", 0o1777; "00600", 0o600 ]
            (fun (text, mode) ->
                let options = readServer $""" "UnixSocketMode": "{text}" """
                options.UnixSocketMode =! Nullable(enum<UnixFileMode> mode))

        testTheory
            "a list of a later source replaces that of an earlier one"
            [ "by name"; "by section"; "null"; "empty"; "one text" ]
            (fun way ->
                let later =
                    match way with
                    | "null" -> """{ "WebSocket": { "Origins": null } }"""
                    | "empty" -> """{ "WebSocket": { "Origins": [] } }"""
                    | "one text" -> """{ "WebSocket": { "Origins": "https://c.example" } }"""
                    | _ -> """{ "WebSocket": { "Origins": ["https://c.example"] } }"""

                use host =
                    Hosts.build (fun builder ->
                        Hosts.withJson
                            """{ "WebSocket": { "Port": 0, "Origins": ["https://a.example", "https://b.example"] } }"""
                            builder

                        Hosts.withJson later builder
                        let server = builder.Services.AddWebSocketServer Hosts.echo

                        if way = "by section" then
                            server.Bind(builder.Configuration.GetSection "WebSocket") |> ignore
                        else
                            server.Bind "WebSocket" |> ignore)

                let options =
                    host.Services.GetRequiredService<IOptions<WebSocketServerOptions>>().Value

                let origins =
                    Option.ofObj options.ServerOptions.Origins
                    |> Option.map (fun origins -> [ for origin in origins -> origin.ToString() ])

                origins
                =! match way with
                   | "null" -> None
                   | "empty" -> Some []
                   | _ -> Some [ "https://c.example" ])

        testCase "code comes after it and before it, as it is written" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    Hosts.withJson
                        """{ "WebSocket": { "Port": 1, "MaxQueue": 1, "MaxMessageSize": 1 } }"""
                        builder

                    builder.Services
                        .AddWebSocketServer(Hosts.echo)
                        .Configure(fun options -> options.Port <- 2)
                        .Bind(builder.Configuration.GetSection "WebSocket")
                        .Configure(fun options _ -> options.MaxQueue <- options.MaxMessageSize)
                    |> ignore)

            let options =
                host.Services.GetRequiredService<IOptions<WebSocketServerOptions>>().Value

            options.Port =! Nullable 1
            options.ServerOptions.MaxQueue =! Nullable 1)
    ]
