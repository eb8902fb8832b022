// Prints what a WebSocket server sends, a line for each message, until it closes or Ctrl+C.
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using FunctionalWs;

const string Usage =
    "usage: Tail [-H 'Name: value']… [--subprotocol NAME]… [--send TEXT]… [--reconnect] ws://HOST[:PORT]/PATH";

if (!TryParse(args, out var arguments, out var problem))
{
    Console.Error.WriteLine(problem);
    Console.Error.WriteLine(Usage);
    return 2;
}

using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

try
{
    if (!arguments.Reconnects)
    {
        using var connection = Client.Connect(arguments.Uri, arguments.Options, stop.Token);
        Print(connection);
        return 0;
    }
    foreach (
        var connection in Client.ConnectForever(
            arguments.Uri,
            arguments.Options,
            cancellation: stop.Token
        )
    )
    {
        try
        {
            Print(connection);
            Console.Error.WriteLine("closed; connecting again");
        }
        catch (ConnectionClosedException error)
        {
            Console.Error.WriteLine($"{error.Message} Connecting again.");
        }
    }
    return 0;
}
catch (OperationCanceledException)
{
    return 0;
}
catch (Exception error)
    when (error
            is ArgumentException
                or AuthenticationException
                or FormatException
                or HandshakeRefusedException
                or IOException
                or NotSupportedException
                or SocketException
                or TimeoutException
    )
{
    Console.Error.WriteLine($"Tail: {error.Message}");
    return 1;
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true; // closing takes a moment
    stop.Cancel();
}

void Print(ClientConnection connection)
{
    // While nothing is connected, the token ends the connecting; after that, the connection is closed.
    using var closing = stop.Token.Register(() => connection.Close());
    foreach (var text in arguments.Sent)
        connection.Send(text);
    foreach (var message in connection)
        Console.WriteLine(message.IsText ? message.Text : Convert.ToHexString(message.Data.Span));
}

static bool TryParse(string[] args, out Arguments arguments, out string problem)
{
    string? uri = null;
    var headers = new List<KeyValuePair<string, string>>();
    var subprotocols = new List<string>();
    var sent = new List<string>();
    var reconnects = false;
    problem = "";
    for (var index = 0; index < args.Length && problem == ""; index++)
    {
        var value = index + 1 < args.Length ? args[index + 1] : null;
        switch (args[index])
        {
            case "-H" when value?.Split(':', 2) is [var name, var text]:
                headers.Add(new(name.Trim(), text.Trim()));
                index++;
                break;
            case "--subprotocol" when value is not null:
                subprotocols.Add(value);
                index++;
                break;
            case "--send" when value is not null:
                sent.Add(value);
                index++;
                break;
            case "--reconnect":
                reconnects = true;
                break;
            case var other when other.StartsWith('-') || uri is not null:
                problem = $"'{other}' is unknown, or lacks its value";
                break;
            case var given:
                uri = given;
                break;
        }
    }
    if (uri is null && problem == "")
        problem = "the URI is missing";
    var options = new ClientOptions { Headers = headers, Subprotocols = subprotocols };
    arguments = new(uri ?? "", options, sent, reconnects);
    return problem == "";
}

record Arguments(string Uri, ClientOptions Options, IReadOnlyList<string> Sent, bool Reconnects);
