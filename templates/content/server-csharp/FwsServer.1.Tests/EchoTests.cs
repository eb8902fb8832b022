using FunctionalWs.Testing;
using Xunit;

/// <summary>The handler on the real server, but in memory: no port, no waiting.</summary>
public class EchoTests
{
    [Fact]
    public void What_is_said_comes_back()
    {
        using var server = InMemoryServer.Serve(Echo.Handle);
        using var client = server.Connect();

        client.Send("hello");
        Assert.Equal("hello", client.Receive().Text);

        client.Send([1, 2, 3]);
        Assert.Equal([1, 2, 3], client.Receive().Data.ToArray());
    }

    [Fact]
    public void A_client_that_says_goodbye_is_answered()
    {
        using var server = InMemoryServer.Serve(Echo.Handle);
        using var client = server.Connect();

        Assert.Equal(1000, client.Close()!.Number);
        Assert.Empty(server.HandlerExceptions);
    }
}
