// A room in the Generic Host: settings in appsettings.json, metrics and traces by OpenTelemetry, which writes them to the console;
// whoever runs it asks for its health on a port of its own. samples/Host/Dockerfile makes an image of it.
// Another port: dotnet run --project samples/Host -- --WebSocket:Port=9000
using System.Diagnostics.Metrics;
using System.Net.Sockets;
using FunctionalWs;
using FunctionalWs.Hosting;
using FunctionalWs.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

var builder = Host.CreateApplicationBuilder(
    new HostApplicationBuilderSettings
    {
        Args = args,
        ContentRootPath = AppContext.BaseDirectory, // where appsettings.json is, wherever the program was started
    }
);
builder.Services.AddSingleton<Room>();
builder.Services.AddWebSocketServer<Visit>().Bind("WebSocket");
builder.Services.AddHealthChecks().AddWebSocketServer();
builder
    .Services.AddWebSocketServer(_ => { }, Health.Server)
    .Bind("Health")
    .Configure((options, services) => options.ProcessRequest = Health.Of(services));
builder
    .Services.AddOpenTelemetry()
    .WithMetrics(metrics => metrics.AddMeter("FunctionalWs", Room.MeterName).AddConsoleExporter())
    .WithTracing(traces => traces.AddSource("FunctionalWs").AddConsoleExporter());

try
{
    using var host = builder.Build();
    await host.StartAsync();
    var server = host.Services.GetRequiredService<HostedServer>();
    var health = host.Services.GetRequiredKeyedService<HostedServer>(Health.Server);
    Console.WriteLine($"listening on ws://{server.EndPoint}/");
    Console.WriteLine($"health on http://{health.EndPoint}/ready");
    await host.WaitForShutdownAsync(); // SIGTERM or Ctrl+C: everybody is told 1001
    return 0;
}
catch (Exception error) when (error is SocketException or OptionsValidationException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

/// <summary>One client's stay, from a scope of its own.</summary>
internal sealed class Visit(Room room) : IConnectionHandler
{
    public void Handle(ServerConnection connection)
    {
        room.Enter(connection);
        try
        {
            foreach (var message in connection)
                room.Tell(message);
        }
        finally
        {
            room.Leave(connection);
        }
    }
}

/// <summary>Everybody who is connected.</summary>
internal sealed class Room
{
    public const string MeterName = "FunctionalWs.Samples.Host";

    private readonly HashSet<ServerConnection> people = [];
    private readonly Counter<int> told;

    public Room(IMeterFactory meters) =>
        told = meters
            .Create(MeterName)
            .CreateCounter<int>("room.messages", "{message}", "Messages that the room was told.");

    public void Enter(ServerConnection connection)
    {
        lock (people)
            people.Add(connection);
    }

    public void Leave(ServerConnection connection)
    {
        lock (people)
            people.Remove(connection);
    }

    /// <summary>Tells everybody, whoever said it. A client that doesn't read in time is disconnected; nobody waits for it.</summary>
    public void Tell(Message message)
    {
        lock (people)
            Broadcast.Send(people, message);
        told.Add(1);
    }
}

/// <summary>Plain HTTP for probes: no client of the room takes its places.</summary>
internal static class Health
{
    public const string Server = "health";

    public static ProcessRequest Of(IServiceProvider services) =>
        (connection, request) =>
            request.Target switch
            {
                "/live" => connection.Respond(200, "alive\n"), // as long as it answers at all
                "/ready" => Ready(connection, services.GetRequiredService<HealthCheckService>()),
                _ => connection.Respond(404, "/live or /ready\n"),
            };

    private static Response Ready(ServerConnection connection, HealthCheckService health)
    {
        var status = health.CheckHealthAsync().GetAwaiter().GetResult().Status;
        return connection.Respond(status == HealthStatus.Healthy ? 200 : 503, $"{status}\n");
    }
}
