/// Every option of a server, and what it doesn't take.
module FunctionalWs.Server.Tests.OptionsTests

open System
open System.Net
open System.Net.Security
open System.Reflection
open Expecto
open Swensen.Unquote
open FunctionalWs

let private properties =
    typeof<ServerOptions>.GetProperties(BindingFlags.Public ||| BindingFlags.Instance)
    |> Array.filter _.CanWrite

/// Default options but for some.
let private withOptions (values: (string * obj) list) : ServerOptions =
    let options = ServerOptions()

    for name, value in values do
        typeof<ServerOptions>.GetProperty(name).SetValue(options, value)

    options

let private span (seconds: float) = box (TimeSpan.FromSeconds seconds)
let private spans = [ span 0.0; span -1.0; box TimeSpan.MaxValue ]
let private upToMax = "from 1 to 2147483647"

/// An option, values that it doesn't take, and what is said of those that it does.
let private refused: (string * obj list * string) list = [
    "OpenTimeout", spans, "more than zero and at most 24.20:31:23.6470000, or null"
    "MaxLifetime", spans, "more than zero and at most"
    "CloseTimeout", spans, "more than zero and at most"
    "PingInterval", spans, "more than zero and at most"
    "PingTimeout", spans, "more than zero and at most"
    "SendTimeout", spans, "more than zero and at most"
    "MessageTimeout", spans, "more than zero and at most"
    "MaxMessageSize", [ -1; Int32.MaxValue ], "from 0 to 2147483591"
    "MaxFragmentSize", [ -1 ], "from 0 to 2147483647"
    "MaxFragments", [ 0; -1 ], upToMax
    "MaxQueue", [ 0; -1 ], upToMax
    "MaxQueueLow", [ -1; 17 ], "from 0 to 16"
    "MaxConnections", [ 0 ], upToMax
    "MaxPendingHandshakes", [ 0 ], upToMax
    "MaxConnectionsPerAddress", [ 0 ], upToMax
    "ThreadStackSize", [ 0; 131_071; 1_073_741_825 ], "from 131072 to 1073741824"
    "MaxMessageThreads", [ 0; -1 ], upToMax
    "MaxBroadcastQueue", [ -1 ], "from 0 to 2147483647"
    "MaxBufferedBytes", [ 0L; 1_048_575L ], "is 1048576 or more, or null"
    "SlowPeerPolicy", [ enum<SlowPeerPolicy> 99 ], "one of Skip"
    "LoggerFactory", [ null ], "null"
    "TimeProvider", [ null ], "null"
    "Origins", [ [| Origin.Exact "https://a.example"; null |] ], "has null in it: use Origin.None"
    "Subprotocols", [ null ], "null"
    "Subprotocols", [ [| "a b" |]; [| "a b"; "v1" |] ], "'a b' in it, which is no token: letters, digits"
    "ServerHeader", [ "x\r\ny" ], "'x\\u000D\\u000Ay' has a character that no header can have: only TAB"
    "MaxRequestHeadSize", [ 63; 16_777_217 ], "from 64 to 16777216"
    "MaxRequestLineLength", [ 63; 16_777_217 ], "from 64 to 16777216"
    "MaxHeaderLineLength", [ 63; 16_777_217 ], "from 64 to 16777216"
    "MaxHeaderCount", [ 0 ], upToMax
    "Backlog", [ 0; -1 ], upToMax
    "UnixSocketMode", [ enum<IO.UnixFileMode> 0x1000; enum<IO.UnixFileMode> -1 ], "permissions from 0 to 7777"
    "Ssl", [ SslServerAuthenticationOptions() ], "has no certificate: it takes ServerCertificateContext"
    "TrustedProxies", [ null ], "null"
    "Extensions", [ null ], "null"
    "ForwardedHeaders", [ enum<ForwardedHeaders> 3 ], "is None, XForwardedFor or Forwarded"
]

/// Options of which every value will do.
let private free =
    set [
        "AllowMissingConnectionUpgrade"
        "ValidateText"
        "CoalesceOutput"
        "SelectSubprotocol"
        "CreateConnection"
        "ProcessRequest"
        "ProcessResponse"
        "ReusePort"
        "DualStack"
        "MeterFactory"
    ]

/// Options that only need another one.
let private dependent = set [ "ProxyProtocol"; "TrustUnixPeers" ]

/// Options with settings of their own, which CompressionTests and FlightRecorderTests look at.
let private nested = set [ "Compression"; "FlightRecorder" ]

let private refusal (options: ServerOptions) : ArgumentException =
    Wait.throws<ArgumentException>(fun () ->
        Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 0, options).Dispose())

[<Tests>]
let tests =
    testList "options of a server" [
        testTheory
            "are refused when the server is made, with option, value and range"
            [
                for name, values, range in refused do
                    for value in values -> name, value, range
            ]
            (fun (name, value, range) ->
                let error = refusal (withOptions [ name, value ])
                error.ParamName =! name
                test <@ error.Message.Contains name && error.Message.Contains range @>

                match error with
                | :? ArgumentOutOfRangeException as error -> error.ActualValue =! value
                | _ -> ())

        testCase "are all looked at here" (fun () ->
            let known = set [ for name, _, _ in refused -> name ]

            set [ for property in properties -> property.Name ]
            =! known + free + dependent + nested)

        testTheory
            "take the ends of their ranges"
            [
                for name in [ "OpenTimeout"; "CloseTimeout"; "PingInterval"; "PingTimeout" ] do
                    name, box (TimeSpan.FromMilliseconds(float Int32.MaxValue))
                    name, box (TimeSpan.FromTicks 1L)
                    name, null
                for name in [ "SendTimeout"; "MessageTimeout"; "MaxFragmentSize"; "MaxQueueLow" ] do
                    name, null
                for name in
                    [
                        "MaxPendingHandshakes"
                        "MaxConnectionsPerAddress"
                        "ThreadStackSize"
                        "UnixSocketMode"
                    ] do
                    name, null
                for name, value in
                    [
                        "MaxMessageSize", 0
                        "MaxMessageSize", Array.MaxLength
                        "MaxFragmentSize", 0
                        "MaxFragments", 1
                        "MaxQueue", 1
                        "MaxQueue", Int32.MaxValue
                        "MaxQueueLow", 0
                        "MaxQueueLow", 16
                        "MaxConnections", 1
                        "MaxConnectionsPerAddress", 1
                        "MaxPendingHandshakes", 1
                        "MaxBroadcastQueue", 0
                        "MaxRequestHeadSize", 64
                        "MaxRequestHeadSize", 16_777_216
                        "MaxRequestLineLength", 64
                        "MaxHeaderLineLength", 64
                        "MaxHeaderCount", 1
                        "Backlog", 1
                        "MaxMessageThreads", 1
                        "ThreadStackSize", 131_072
                        "ThreadStackSize", 1_073_741_824
                    ] do
                    name, box value
                "MaxQueue", null
                "MaxMessageSize", null
                "Origins", null
                "Origins", box Array.empty<Origin>
                "ServerHeader", null
                "ServerHeader", box ""
                "UnixSocketMode", box (enum<IO.UnixFileMode> 0xFFF)
            ]
            (fun (name, value) ->
                use _ =
                    Server.Serve(
                        Action<ServerConnection> ignore,
                        "127.0.0.1",
                        0,
                        withOptions [ name, value ]
                    )

                ())

        testTheory
            "that need another one say which"
            [
                "ProxyProtocol", box true
                "ForwardedHeaders", box ForwardedHeaders.Forwarded
            ]
            (fun (name, value) ->
                let error = refusal (withOptions [ name, value ])
                test <@ error.Message.Contains name @>
                test <@ error.Message.Contains "takes TrustedProxies or TrustUnixPeers" @>
                let proxies = box [| IPNetwork.Parse "10.0.0.0/8" |]

                use _ =
                    Server.Serve(
                        Action<ServerConnection> ignore,
                        "127.0.0.1",
                        0,
                        withOptions [ name, value; "TrustedProxies", proxies ]
                    )

                ())
    ]

/// How many calls fit on the stack of the current thread.
let rec private depth () : int =
    if Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack() then
        1 + depth ()
    else
        0

[<Tests>]
let stacks =
    testList "the stack of a connection's thread" [
        testCase "is as large as the options say" (fun () ->
            let depthWith (size: int) =
                let found = Threading.Tasks.TaskCompletionSource<int>()

                use server =
                    ServerOptions(ThreadStackSize = Nullable size)
                    |> Serve.inMemory (fun _ -> found.SetResult(depth ()))

                use client = PeerClient.InMemory server
                client.ShakeHands()
                Wait.forTask "the handler" found.Task

            let small, large = depthWith 262_144, depthWith 4_194_304
            test <@ small > 0 && large > 8 * small @>)
    ]
