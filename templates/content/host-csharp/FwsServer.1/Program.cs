using FunctionalWs.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

var builder = Host.CreateApplicationBuilder(
    new HostApplicationBuilderSettings
    {
        Args = args, // another port: --WebSocket:Port=9000
        ContentRootPath = AppContext.BaseDirectory, // where appsettings.json is
    }
);
builder.Services.AddWebSocketServer<Echo>().Bind("WebSocket");
builder.Services.AddHealthChecks().AddWebSocketServer();
builder.Build().Run(); // until Ctrl+C or SIGTERM: clients are told, and have a moment to leave
