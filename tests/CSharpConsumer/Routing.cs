using System.Net;
using System.Net.Sockets;
using FunctionalWs;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

/// <summary>Rules, maps and routers.</summary>
internal static class Routing
{
    private sealed class PoliteRouter(UrlMap urlMap, RouterOptions options)
        : Router(urlMap, options)
    {
        public override void Handle(ServerConnection connection)
        {
            connection.Send("welcome");
            base.Handle(connection);
        }

        protected override Response NotFound(ServerConnection connection, Request request) =>
            base.NotFound(connection, request).WithHeader("X-Polite", "sorry");

        protected override Response Redirect(
            ServerConnection connection,
            Request request,
            string location
        ) => base.Redirect(connection, request, location).WithHeader("X-Polite", "this way");
    }

    private static readonly Rule Room = Rule.For<Guid>(
        "/room/<uuid:id>",
        (connection, id) => connection.Send($"room {id:N}")
    ) with
    {
        Endpoint = "room",
    };

    public static void Rules()
    {
        var rule = new Rule("/a", Session.Echo)
        {
            Pattern = "/b",
            Host = "example.com",
            Defaults = new Dictionary<string, object> { ["page"] = 1 },
            StrictSlashes = true,
            MergeSlashes = false,
            IsAlias = true,
        };
        Check.Equal("/b", rule.Pattern);
        Check.Equal("example.com", rule.Host);
        Check.Equal(1, rule.Defaults["page"]);
        Check.True(rule.StrictSlashes is true && rule.MergeSlashes is false && rule.IsAlias);
        Check.Equal("room", Room.Endpoint);
        Check.Equal("/admin/b", Rule.Mount("/admin", rule)[0].Pattern);
        Check.Equal("api", Rule.OnSubdomain("api", rule)[0].Subdomain);
        Check.Equal("www", (rule with { Subdomain = "www" }).Subdomain);
    }

    public static void Maps()
    {
        UrlMap map = [Room, Rule.BuildOnly("/log/<day>", "log")];
        Check.Equal(2, UrlMap.Create([.. map]).Count);
        Check.Equal(3, map.With(new Rule("/", Session.Echo)).Count);
        Check.Equal(Room, map[0]);
        using var rules = map.GetEnumerator();
        Check.True(rules.MoveNext());
        Check.Equal("/log/today", map.Build("log", ("day", "today")));
        var values = new Dictionary<string, object?> { ["day"] = "today" };
        Check.Equal("/log/today", map.Build("log", values));
        var server = new Uri("wss://example.com");
        Check.Equal("wss://example.com/log/today", map.Build(server, "log", ("day", "today")));
        var error = Check.Throws<UrlBuildException>(() => map.Build("nothing"));
        Check.Equal(error.Message, new UrlBuildException(error.Message).Message);
    }

    public static void Options()
    {
        var options = new UrlMapOptions
        {
            Converters = new Dictionary<string, RouteConverter>(),
            MergeSlashes = false,
            RedirectDefaults = false,
            StrictSlashes = false,
        };
        Check.Equal(0, options.Converters.Count);
        Check.True(!options.MergeSlashes && !options.RedirectDefaults && !options.StrictSlashes);
        Check.Equal(1, new UrlMap([Room], options).Count);
        var routing = new RouterOptions
        {
            ServerName = "localhost",
            SecureUrls = false,
            RedirectStatusCode = 308,
            NotFound = (connection, _) => connection.Respond(410, "gone"),
        };
        Check.Equal("localhost", routing.ServerName);
        Check.True(routing is { SecureUrls: false, RedirectStatusCode: 308, NotFound: not null });
    }

    public static void Served()
    {
        var id = Guid.NewGuid();
        UrlMap map =
        [
            Room,
            new Rule("/values/<int:n>", (connection, values) => connection.Send($"{values["n"]}")),
            Rule.For<int, string>("/two/<int:a>/<b>", (connection, a, b) => connection.Send(a + b)),
            new Rule(
                "/me",
                connection => connection.Send($"{connection.Rule} {connection.RouteValues.Count}")
            ),
            Rule.Redirect("/old", "/me"),
            Rule.Redirect("/older", values => "/me"),
        ];
        var router = new PoliteRouter(map, new RouterOptions());
        Check.Equal(map, router.UrlMap);
        using var server = router.Serve("127.0.0.1", 0);
        server.Start();
        Check.Equal($"room {id:N}", Ask(server, $"/room/{id}"));
        Check.Equal("7", Ask(server, "/values/7"));
        Check.Equal("1b", Ask(server, "/two/1/b"));
        Check.Equal("/me 0", Ask(server, "/me"));
        var (status, location) = PlatformClient.Get(
            PlatformClient.To(server.LocalEndPoint, "/old")
        );
        Check.Equal(HttpStatusCode.Found, status);
        Check.True(location.EndsWith("/me", StringComparison.Ordinal));
        var (missing, _) = PlatformClient.Get(PlatformClient.To(server.LocalEndPoint, "/nothing"));
        Check.Equal(HttpStatusCode.NotFound, missing);
    }

    private static string Ask(Server server, string path)
    {
        using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint, path));
        Check.Equal("welcome", client.Receive());
        return client.Receive();
    }

    public static void EveryListener()
    {
        UrlMap map = [new Rule("/", Session.Echo)];
        var router = new Router(map);
        var options = new ServerOptions { ProcessRequest = router.ProcessRequest };
        using (var server = Server.Serve(router.Handle, "127.0.0.1", 0, options))
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoint))
            );
        using (var server = Router.Route(map, "127.0.0.1", 0))
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoint))
            );
        using (var server = Router.Route(map, Listening.Bound()))
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoint))
            );
        using (var server = router.Serve(Listening.Bound()))
            Session.Greet(
                server,
                () => new PlatformClient(PlatformClient.To(server.LocalEndPoint))
            );
        var path = Listening.TemporaryPath();
        using (var server = Router.UnixRoute(map, path))
            Listening.GreetUnix(server, path);
        using (var server = router.UnixServe(path))
            Listening.GreetUnix(server, path);
    }
}
