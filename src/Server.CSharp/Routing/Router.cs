using System.Net.Sockets;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <summary>
/// Gives each connection the handler of the rule that takes its request. Make a server with
/// <see cref="Route(UrlMap, string?, int, RouterOptions?, ServerOptions?)"/>, or use <see cref="ProcessRequest"/> and
/// <see cref="Handle"/> as hook and handler of any server. Inherit from it to answer in other ways. All members may be called
/// from any thread.
/// </summary>
/// <remarks>
/// A request that no rule takes is answered with 404, one whose path or host can't be read with 400, one for another method
/// than GET with 405, and redirects with <see cref="RouterOptions.RedirectStatusCode"/>. All this happens before the checks of
/// the opening handshake, and after the server's own <see cref="ServerOptions.ProcessRequest"/>.
/// </remarks>
public class Router
{
    private readonly RouterOptions options;

    /// <summary>Makes a router.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">
    /// A setting is out of its range, or a rule is for a subdomain while <see cref="RouterOptions.ServerName"/> is null.
    /// </exception>
    public Router(UrlMap urlMap, RouterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(urlMap);
        this.options = options ?? new RouterOptions();
        this.options.Validate();
        if (urlMap.Table.HasSubdomains && this.options.ServerName is null)
            throw new ArgumentException(
                "A rule is for a subdomain, but the options have no ServerName.",
                nameof(options)
            );
        UrlMap = urlMap;
    }

    /// <summary>The rules.</summary>
    public UrlMap UrlMap { get; }

    /// <summary>Makes a server that listens on an address and routes; not started yet.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="host">As with <see cref="Server.Serve(Action{ServerConnection}, string?, int, ServerOptions?)"/>.</param>
    /// <param name="port">1 to 65535, or 0 for any free one.</param>
    /// <param name="routing">Settings of the router; null for the defaults.</param>
    /// <param name="options">
    /// Settings of the server; null for the defaults. Their <see cref="ServerOptions.ProcessRequest"/> is asked first.
    /// </param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    /// <exception cref="SocketException">The address is in use or not to be had.</exception>
    public static Server Route(
        UrlMap urlMap,
        string? host,
        int port,
        RouterOptions? routing = null,
        ServerOptions? options = null
    ) => new Router(urlMap, routing).Serve(host, port, options);

    /// <summary>Makes a server that routes, on a socket that is bound already; it is made to listen.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="routing">Settings of the router; null for the defaults.</param>
    /// <param name="options">Settings of the server; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the socket is not a bound stream socket.</exception>
    public static Server Route(
        UrlMap urlMap,
        Socket socket,
        RouterOptions? routing = null,
        ServerOptions? options = null
    ) => new Router(urlMap, routing).Serve(socket, options);

    /// <summary>Makes a server that routes, on a Unix socket.</summary>
    /// <param name="urlMap">The rules.</param>
    /// <param name="path">The path of the socket, which is made.</param>
    /// <param name="routing">Settings of the router; null for the defaults.</param>
    /// <param name="options">Settings of the server; null for the defaults.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    /// <exception cref="SocketException">The path exists already or can't be made.</exception>
    public static Server UnixRoute(
        UrlMap urlMap,
        string path,
        RouterOptions? routing = null,
        ServerOptions? options = null
    ) => new Router(urlMap, routing).UnixServe(path, options);

    /// <summary>Makes a server that listens on an address and uses this router; not started yet.</summary>
    /// <param name="host">As with <see cref="Server.Serve(Action{ServerConnection}, string?, int, ServerOptions?)"/>.</param>
    /// <param name="port">1 to 65535, or 0 for any free one.</param>
    /// <param name="options">Settings of the server; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">The port or an option is out of its range.</exception>
    /// <exception cref="SocketException">The address is in use or not to be had.</exception>
    public Server Serve(string? host, int port, ServerOptions? options = null) =>
        Server.Serve(Handle, host, port, WithRouting(options));

    /// <summary>Makes a server that uses this router, on a socket that is bound already; it is made to listen.</summary>
    /// <param name="socket">A bound stream socket, which from now on belongs to the server.</param>
    /// <param name="options">Settings of the server; null for the defaults.</param>
    /// <exception cref="ArgumentException">The socket is not a bound stream socket, or an option is out of its range.</exception>
    public Server Serve(Socket socket, ServerOptions? options = null) =>
        Server.Serve(Handle, socket, WithRouting(options));

    /// <summary>Makes a server that uses this router, on a Unix socket.</summary>
    /// <param name="path">The path of the socket, which is made.</param>
    /// <param name="options">Settings of the server; null for the defaults.</param>
    /// <exception cref="SocketException">The path exists already or can't be made.</exception>
    public Server UnixServe(string path, ServerOptions? options = null) =>
        Server.UnixServe(Handle, path, WithRouting(options));

    /// <summary>Finds the rule for a request: a hook for <see cref="ServerOptions.ProcessRequest"/>.</summary>
    /// <param name="connection">The connection, which keeps what is found for <see cref="Handle"/>.</param>
    /// <param name="request">The request.</param>
    /// <returns>The answer when no handler is to run; null to go on with the handshake.</returns>
    public Response? ProcessRequest(ServerConnection connection, Request request)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(request);
        var start = options.ToRouteBase(isSecure: connection.Tls is not null);
        switch (UrlMap.Table.Match(start, request))
        {
            case RouteMatch.Matched matched:
                connection.Rule = UrlMap[matched.Rule];
                connection.RouteValues = matched.Values;
                return connection.Rule.ProcessRequest?.Invoke(connection, request);
            case RouteMatch.Redirect redirect:
                return Redirect(connection, request, redirect.Location);
            case RouteMatch.MethodNotAllowed refused:
                return connection
                    .Respond(405, Invariant($"This path takes {refused.Allow} alone.\n"))
                    .WithHeader("Allow", refused.Allow);
            case RouteMatch.BadRequest bad:
                return connection.Respond(400, bad.Reason + "\n");
            default:
                return NotFound(connection, request);
        }
    }

    /// <summary>
    /// Runs the handler of the rule that <see cref="ProcessRequest"/> found: the handler of a server. Override it to do
    /// something before or after.
    /// </summary>
    /// <param name="connection">The connection, open.</param>
    /// <exception cref="InvalidOperationException"><see cref="ProcessRequest"/> hasn't seen the connection's request.</exception>
    public virtual void Handle(ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (connection.Rule?.Action.Handler is not { } handler)
            throw new InvalidOperationException(
                "No rule was found for the connection: Router.ProcessRequest must be a hook of its server."
            );
        handler(connection, connection.RouteValues);
    }

    /// <summary>The answer to a request that no rule takes: that of <see cref="RouterOptions.NotFound"/>, else 404.</summary>
    /// <param name="connection">The connection, not open yet.</param>
    /// <param name="request">The request.</param>
    protected virtual Response NotFound(ServerConnection connection, Request request) =>
        options.NotFound?.Invoke(connection, request)
        ?? connection.Respond(404, "There is nothing at this path.\n");

    /// <summary>The answer that sends a client elsewhere.</summary>
    /// <param name="connection">The connection, not open yet.</param>
    /// <param name="request">The request.</param>
    /// <param name="location">
    /// Where to, percent-encoded: a path where that is on the request's host (RFC 9110 §10.2.2), else an absolute URL.
    /// </param>
    protected virtual Response Redirect(
        ServerConnection connection,
        Request request,
        string location
    ) =>
        connection
            .Respond(options.RedirectStatusCode, Invariant($"See {location}\n"))
            .WithHeader("Location", location);

    internal ServerOptions WithRouting(ServerOptions? options)
    {
        options ??= new ServerOptions();
        return options with
        {
            ProcessRequest = options.ProcessRequest is { } first
                ? first.Then(ProcessRequest)
                : ProcessRequest,
        };
    }
}
