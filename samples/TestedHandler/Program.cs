// A handler and its tests: in memory, without a port, without waiting for any clock. Copy the tests into your own test
// project; with xUnit, NUnit or MSTest each of them is a method, and Check is one of their assertions.
using FunctionalWs;
using FunctionalWs.Protocol;
using FunctionalWs.Testing;

var tests = new Dictionary<string, Action>
{
    ["a guess is answered"] = () =>
    {
        using var server = InMemoryServer.Serve(connection => Game.Play(connection, secret: 7));
        using var client = server.Connect();
        Check(client.Receive().Text == "Guess a number from 1 to 10.");
        client.Send("3");
        Check(client.Receive().Text == "too low");
        client.Send("9");
        Check(client.Receive().Text == "too high");
        client.Send("7");
        Check(client.Receive().Text == "right");
        Check(client.WaitClosed()!.Number == 1000);
    },

    ["what is no number ends the game with 1008"] = () =>
    {
        using var server = InMemoryServer.Serve(connection => Game.Play(connection, secret: 7));
        using var client = server.Connect();
        client.Send("seven");
        Check(client.WaitClosed() is { Number: 1008, Reason: "not a number" });
    },

    ["a player who thinks for more than 30 seconds has lost"] = () =>
    {
        var clock = new ManualTimeProvider();
        var options = new ServerOptions { TimeProvider = clock };
        using var server = InMemoryServer.Serve(
            connection => Game.Play(connection, secret: 7),
            options
        );
        using var client = server.Connect();
        client.WaitUntilReceiving(); // from here the 30 seconds count
        clock.Advance(TimeSpan.FromSeconds(30));
        Check(client.WaitClosed() is { Number: 4000, Reason: "too slow" });
    },

    ["a player who leaves is no error"] = () =>
    {
        using var server = InMemoryServer.Serve(connection => Game.Play(connection, secret: 7));
        using var client = server.Connect();
        Check(client.Close(CloseCode.GoingAway)!.Number == 1001);
        Check(server.HandlerExceptions.Count == 0);
    },

    ["strangers are refused, and told so"] = () =>
    {
        var options = new ServerOptions { ProcessRequest = BasicAuth.Create("alice", "secret") };
        using var server = InMemoryServer.Serve(connection => Game.Play(connection, 7), options);
        var refusal = Throws<HandshakeRefusedException>(() => server.Connect());
        Check(refusal.Response.StatusCode == 401);
        var alice = new TestClientOptions { Credentials = new("alice", "secret") };
        using var client = server.Connect("/", alice);
        Check(client.Receive().Text.StartsWith("Guess"));
    },
};

var failed = 0;
foreach (var (name, test) in tests)
{
    try
    {
        test();
        Console.WriteLine($"passed {name}");
    }
    catch (Exception error)
    {
        failed++;
        Console.WriteLine($"failed {name}: {error}");
    }
}
Console.WriteLine($"{tests.Count - failed} passed, {failed} failed");
return failed == 0 ? 0 : 1;

static void Check(
    bool condition,
    [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))]
        string? text = null
)
{
    if (!condition)
        throw new InvalidOperationException($"It is not so that {text}");
}

static T Throws<T>(Action action)
    where T : Exception
{
    try
    {
        action();
    }
    catch (T error)
    {
        return error;
    }
    throw new InvalidOperationException($"No {typeof(T).Name} was thrown.");
}

/// <summary>The handler that is tested: it knows nothing of tests.</summary>
internal static class Game
{
    private static readonly TimeSpan TimeToThink = TimeSpan.FromSeconds(30);

    public static void Play(ServerConnection connection, int secret)
    {
        connection.Send("Guess a number from 1 to 10.");
        while (true)
        {
            string guess;
            try
            {
                guess = connection.Receive(TimeToThink).Text;
            }
            catch (TimeoutException)
            {
                connection.Close(CloseCode.Create(4000), "too slow");
                return;
            }

            if (!int.TryParse(guess, out var number))
            {
                connection.Close(CloseCode.PolicyViolation, "not a number");
                return;
            }
            connection.Send(
                number < secret ? "too low"
                : number > secret ? "too high"
                : "right"
            );
            if (number == secret)
                return;
        }
    }
}
