using FunctionalWs.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

/// <summary>The handler on the real server, but in memory: no port, no waiting.</summary>
public class EchoTests
{
    private static InMemoryServer Serve() =>
        InMemoryServer.Serve(new Echo(NullLogger<Echo>.Instance).Handle);

    [Fact]
    public void What_is_said_comes_back()
    {
        using var server = Serve();
        using var client = server.Connect();

        client.Send("hello");
        Assert.Equal("hello", client.Receive().Text);

        client.Send([1, 2, 3]);
        Assert.Equal([1, 2, 3], client.Receive().Data.ToArray());
    }

    [Fact]
    public void A_client_that_says_goodbye_is_answered()
    {
        using var server = Serve();
        using var client = server.Connect();

        Assert.Equal(1000, client.Close()!.Number);
        Assert.Empty(server.HandlerExceptions);
    }
}
