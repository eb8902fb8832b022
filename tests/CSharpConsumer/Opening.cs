using System.Net;
using System.Security.Claims;
using System.Text;
using System.Text.RegularExpressions;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>The opening handshake: hooks, logins, origins and subprotocols.</summary>
internal static class Opening
{
    public static void Described() =>
        Session.Run(
            connection =>
            {
                Check.True(connection.Id != Guid.Empty);
                Check.Equal(connection.Server.LocalEndPoint, connection.LocalEndPoint);
                Check.Equal(connection.PeerEndPoint, connection.RemoteEndPoint);
                Check.Equal("/", connection.Request.Target);
                Check.Equal(101, connection.Response.StatusCode);
                Check.Equal("seen", connection.Items["hook"]);
                Check.Equal("bob", connection.Username);
                Check.True(connection.Subprotocol is null && connection.Tls is null);
            },
            client => Check.Equal("closed 1000", client.Receive()),
            new ServerOptions { ProcessRequest = Remember, ProcessResponse = Marked }
        );

    private static Response? Remember(ServerConnection connection, Request request)
    {
        connection.Items["hook"] = "seen";
        connection.User = new ClaimsPrincipal(
            new ClaimsIdentity([new Claim(ClaimTypes.Name, "bob")], "test")
        );
        return connection.User is null ? connection.Respond(500, "nobody") : null;
    }

    private static Response? Marked(
        ServerConnection connection,
        Request request,
        Response response
    ) => response.WithHeader("X-Marked", "yes");

    public static void Login()
    {
        static bool Check(string user, string password) => user == "c" && password == "3";

        Answers(BasicAuth.Create("a", "1", realm: "here"), "Basic " + Base64("a:1"));
        Answers(BasicAuth.Create([new("b", "2")], realm: "here"), "Basic " + Base64("b:2"));
        Answers(BasicAuth.Create(Check, realm: "here"), "Basic " + Base64("c:3"));
        Answers(
            BearerAuth.Create(
                token => token == "t" ? new ClaimsPrincipal(new ClaimsIdentity("test")) : null,
                realm: "here"
            ),
            "Bearer t"
        );
    }

    private static string Base64(string text) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    /// <summary>Without credentials 401; with them the hook lets the request through to the next.</summary>
    private static void Answers(ProcessRequest login, string authorization)
    {
        var options = new ServerOptions
        {
            ProcessRequest = login.Then((connection, _) => connection.Respond(200, "in")),
        };
        using var server = Server.Serve(Session.Echo, "127.0.0.1", 0, options);
        server.Start();
        var url = PlatformClient.To(server.LocalEndPoint);
        Check.Equal(HttpStatusCode.Unauthorized, PlatformClient.Get(url).Status);
        Check.Equal((HttpStatusCode.OK, "in"), PlatformClient.Get(url, authorization));
    }

    public static void Origins()
    {
        Origin literal = "https://example.com";
        Origin pattern = new Regex(@"https://\w+\.example\.com");
        Check.Equal(Origin.Exact("https://example.com").ToString(), literal.ToString());
        Check.Equal(
            Origin.Matching(new Regex(@"https://\w+\.example\.com")).ToString(),
            pattern.ToString()
        );
        Check.True(Origin.MatchTimeout > TimeSpan.Zero);
        var options = new ServerOptions { Origins = [literal, pattern, Origin.None] };
        foreach (var origin in new[] { "https://example.com", "https://a.example.com", null })
            Session.Run(
                _ => { },
                client => Check.Equal("closed 1000", client.Receive()),
                options,
                client =>
                {
                    if (origin is not null)
                        client.SetRequestHeader("Origin", origin);
                }
            );
    }

    public static void Subprotocols()
    {
        Session.Run(
            connection => Check.Equal("v2", connection.Subprotocol),
            client => Check.Equal("v2", client.Subprotocol),
            new ServerOptions { SelectSubprotocol = Newest },
            client =>
            {
                client.AddSubProtocol("v1");
                client.AddSubProtocol("v2");
            }
        );
        Check.Throws<NegotiationException>(() => throw new NegotiationException("too old"));
    }

    private static string? Newest(ServerConnection connection, IReadOnlyList<string> offered) =>
        offered.Count == 0 ? throw new NegotiationException("a version is needed") : offered.Max();
}
