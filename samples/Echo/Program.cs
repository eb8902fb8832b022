// An echo server: sends every message back as it came, until SIGINT or SIGTERM.
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using FunctionalWs;

const string Usage =
    "usage: Echo [--host 127.0.0.1] [--port 8765] [--max-size BYTES] [--no-compression] [--path-unix FILE]";

if (!TryParse(args, out var arguments, out var problem))
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(Usage);
    return 2;
}

try
{
    using var server = Listen(arguments);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    Console.WriteLine($"listening on {Address(server.LocalEndPoint)}");
    server.ServeForever();
    return 0;

    void Stop(PosixSignalContext context)
    {
        context.Cancel = true; // shutting down takes a moment
        server.Shutdown();
    }
}
catch (SocketException error)
{
    Console.Error.WriteLine($"can't listen on {arguments}: {error.Message}");
    return 1;
}

static Server Listen(Arguments arguments)
{
    var options = new ServerOptions { MaxMessageSize = arguments.MaxSize };
    if (arguments.UnixPath is not { } path)
        return Server.Serve(Echo, arguments.Host, arguments.Port, options);

    var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    socket.Bind(new UnixDomainSocketEndPoint(path));
    return Server.Serve(Echo, socket, options);
}

static void Echo(ServerConnection connection)
{
    foreach (var message in connection) // ends when the client closes
        connection.Send(message); // text as text, binary as binary, without decoding
}

static string Address(EndPoint? endPoint) =>
    endPoint is IPEndPoint address ? $"ws://{address}/" : $"unix:{endPoint}";

static bool TryParse(string[] args, out Arguments arguments, out string problem)
{
    arguments = new Arguments("127.0.0.1", 8765, 1024 * 1024, null);
    problem = "";
    for (var i = 0; i < args.Length; i++)
    {
        if (args[i] == "--no-compression")
            continue; // none is offered yet
        var value = i + 1 < args.Length ? args[i + 1] : null;
        if (value is null || !TrySet(args[i], value, ref arguments))
        {
            problem = value is null
                ? $"{args[i]}: unknown, or its value is missing"
                : $"{args[i]} {value}: not understood";
            return false;
        }
        i++;
    }
    return true;
}

static bool TrySet(string name, string value, ref Arguments arguments)
{
    var isNumber = int.TryParse(value, out var number) && number >= 0;
    Arguments? changed = name switch
    {
        "--host" => arguments with { Host = value },
        "--port" when isNumber && number <= IPEndPoint.MaxPort => arguments with { Port = number },
        "--max-size" when isNumber => arguments with { MaxSize = number },
        "--path-unix" => arguments with { UnixPath = value },
        _ => null,
    };
    arguments = changed ?? arguments;
    return changed is not null;
}

internal sealed record Arguments(string Host, int Port, int MaxSize, string? UnixPath)
{
    public override string ToString() => UnixPath ?? $"{Host}:{Port}";
}
