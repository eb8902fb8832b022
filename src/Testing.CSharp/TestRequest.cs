using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The requests of a test client: those of the client of <c>FunctionalWs.Client</c>, with the test's changes.</summary>
internal sealed class TestRequest
{
    public static readonly WebSocketUri Server = WebSocketUri.Parse("ws://localhost/");

    private readonly string target;
    private readonly TestClientOptions options;

    /// <exception cref="ArgumentException">The target is none.</exception>
    public TestRequest(string target, TestClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Length == 0 || !target.All(character => character is > ' ' and <= '~'))
            throw new ArgumentException(
                Invariant($"'{target}' is no target: it has one or more characters of 0x21-0x7E."),
                nameof(target)
            );
        this.target = target;
        this.options = options;
    }

    /// <summary>How a connection opens.</summary>
    public TestHandshake Handshake =>
        new(
            request => Amended(request.Method, request.Headers),
            IsItsOwn: options.Headers.Any(header => IsOfHandshake(header.Name))
        );

    /// <summary>The request of a browser for a page.</summary>
    /// <exception cref="ArgumentException">The method, or an option, is wrong.</exception>
    public Request Plain(string method)
    {
        if (!HeaderSyntax.IsToken(method))
            throw new ArgumentException(Invariant($"'{method}' is no method."), nameof(method));
        var offer = options.ToClientOptions().ToOffer();
        var headers = ClientHandshake.CreateRequest(new byte[16], offer, Server).Request.Headers;
        foreach (var (name, _) in headers)
        {
            if (IsOfHandshake(name) || name is "Upgrade" or "Connection")
                headers = headers.Remove(name);
        }
        return Amended(method, headers);
    }

    private static bool IsOfHandshake(string name) =>
        name.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase);

    private Request Amended(string method, Headers headers)
    {
        foreach (var (name, _) in options.Headers)
            headers = headers.Remove(name);
        foreach (var (name, value) in options.Headers)
            headers = headers.Add(name, value);
        return new Request(method, target, "HTTP/1.1", headers);
    }
}
