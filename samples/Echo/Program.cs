// An echo server: sends every message back as it came, until it is told to end.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FunctionalWs;

const string Usage =
    "usage: Echo [--host 127.0.0.1] [--port 8765] [--max-size BYTES] [--max-fragments NUMBER] [--no-compression]\n"
    + "            [--path-unix FILE] [--systemd] [--cert FILE.pem --key FILE.pem] [--handler connections|messages]";

if (!TryParse(args, out var arguments, out var problem))
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(Usage);
    return 2;
}

try
{
    using var server = Listen(arguments);
    Console.WriteLine($"listening on {Address(server.LocalEndPoint, arguments)}");
    return server.Run();
}
catch (Exception error)
    when (error
            is SocketException
                or IOException
                or CryptographicException
                or InvalidOperationException
    )
{
    Console.Error.WriteLine($"can't listen on {arguments}: {error.Message}");
    return 1;
}

static Server Listen(Arguments arguments)
{
    var options = new ServerOptions
    {
        MaxMessageSize = arguments.MaxSize,
        MaxFragments = arguments.MaxFragments,
        Compression = arguments.IsCompressed ? new PerMessageDeflate() : null,
        Ssl = arguments.Certificate is { } file ? LoadCertificate(file, arguments.Key) : null,
    };
    Action<ServerConnection> echo = arguments.IsForMessages
        ? MessageHandler.ForEach((connection, message) => connection.Send(message)) // no thread while nothing comes
        : Echo;
    if (arguments.IsSystemd)
        return Server.SystemdServe(echo, options);
    return arguments.UnixPath is { } path
        ? Server.UnixServe(echo, path, options)
        : Server.Serve(echo, arguments.Host, arguments.Port, options);
}

// The file begins with the server's certificate; those of intermediate authorities may follow.
static SslServerAuthenticationOptions LoadCertificate(string file, string? key)
{
    var chain = new X509Certificate2Collection();
    chain.ImportFromPemFile(file);
    var certificate = X509Certificate2.CreateFromPemFile(file, key);
    return new()
    {
        ServerCertificateContext = SslStreamCertificateContext.Create(
            certificate,
            chain,
            offline: true
        ),
    };
}

static void Echo(ServerConnection connection)
{
    foreach (var message in connection) // ends when the client closes
        connection.Send(message); // text as text, binary as binary, without decoding
}

static string Address(EndPoint? endPoint, Arguments arguments) =>
    endPoint is IPEndPoint address
        ? $"{(arguments.Certificate is null ? "ws" : "wss")}://{address}/"
        : $"unix:{endPoint}";

static bool TryParse(string[] args, out Arguments arguments, out string problem)
{
    arguments = new Arguments(
        "127.0.0.1",
        8765,
        1024 * 1024,
        new ServerOptions().MaxFragments,
        null,
        null,
        null,
        false,
        true,
        false
    );
    problem = "";
    for (var i = 0; i < args.Length; i++)
    {
        if (args[i] == "--no-compression")
        {
            arguments = arguments with { IsCompressed = false };
            continue;
        }
        if (args[i] == "--systemd")
        {
            arguments = arguments with { IsSystemd = true };
            continue;
        }
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
        "--max-fragments" when isNumber && number > 0 => arguments with { MaxFragments = number },
        "--path-unix" => arguments with { UnixPath = value },
        "--cert" => arguments with { Certificate = value },
        "--key" => arguments with { Key = value },
        "--handler" when value is "connections" or "messages" => arguments with
        {
            IsForMessages = value == "messages",
        },
        _ => null,
    };
    arguments = changed ?? arguments;
    return changed is not null;
}

internal sealed record Arguments(
    string Host,
    int Port,
    int MaxSize,
    int MaxFragments,
    string? UnixPath,
    string? Certificate,
    string? Key,
    bool IsSystemd,
    bool IsCompressed,
    bool IsForMessages
)
{
    public override string ToString() =>
        IsSystemd ? "systemd's sockets" : UnixPath ?? $"{Host}:{Port}";
}
