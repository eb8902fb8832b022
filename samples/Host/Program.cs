// A room in the Generic Host: settings in appsettings.json, metrics and traces by OpenTelemetry, which writes them to the console.
// Another port: dotnet run --project samples/Host -- --WebSocket:Port=9000
using System.Diagnostics.Metrics;
using System.Net.Sockets;
using FunctionalWs;
using FunctionalWs.Hosting;
using Microsoft.Extensions.DependencyInjection;
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
    .Services.AddOpenTelemetry()
    .WithMetrics(metrics => metrics.AddMeter("FunctionalWs", Room.MeterName).AddConsoleExporter())
    .WithTracing(traces => traces.AddSource("FunctionalWs").AddConsoleExporter());

try
{
    using var host = builder.Build();
    await host.StartAsync();
    var server = host.Services.GetRequiredService<HostedServer>();
    Console.WriteLine($"listening on ws://{server.EndPoint}/");
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
