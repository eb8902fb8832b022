using System.Runtime.InteropServices;
using FunctionalWs;

var port = args is [var text] ? int.Parse(text) : 8765;
using var server = Server.Serve(Echo.Handle, "localhost", port);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop); // Ctrl+C
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop); // the system
Console.WriteLine($"listening on ws://{server.LocalEndPoint}/");
server.ServeForever();

void Stop(PosixSignalContext context)
{
    context.Cancel = true; // clients are told first, and have a moment to leave
    server.Shutdown();
}
