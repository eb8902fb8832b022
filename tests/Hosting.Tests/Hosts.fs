/// Hosts for tests: nothing of the machine is read, neither its environment nor its files.
module FunctionalWs.Hosting.Tests.Hosts

open System
open System.IO
open System.Text
open Microsoft.Extensions.Configuration
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

let echo =
    Action<ServerConnection>(fun connection ->
        for message in connection do
            connection.Send message)

/// Settings of a server that writes nothing, whatever its handlers throw.
let silent =
    ServerOptions(LoggerFactory = Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance)

/// A host with what a test adds to it; not started.
let build (configure: HostApplicationBuilder -> unit) : IHost =
    let builder = Host.CreateEmptyApplicationBuilder(HostApplicationBuilderSettings())
    configure builder
    builder.Build()

let start (host: IHost) =
    Wait.forTask "the host to start" (task { do! host.StartAsync() })

let stop (host: IHost) =
    Wait.forTask "the host to stop" (task { do! host.StopAsync() })

/// A running host with what a test adds to it.
let run (configure: HostApplicationBuilder -> unit) : IHost =
    let host = build configure
    start host
    host

let withJson (json: string) (builder: HostApplicationBuilder) =
    builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes json))
    |> ignore

let onFreePort (server: WebSocketServerBuilder) : WebSocketServerBuilder =
    server.Configure(fun options -> options.Port <- 0)

let hosted (host: IHost) : HostedServer =
    host.Services.GetRequiredService<HostedServer>()

let named (name: string) (host: IHost) : HostedServer =
    host.Services.GetRequiredKeyedService<HostedServer> name

let connect (host: IHost) : PlatformClient =
    PlatformClient.Of (hosted host).EndPoint

let connectTo (path: string) (host: IHost) : PlatformClient =
    PlatformClient.Of((hosted host).EndPoint, path)
