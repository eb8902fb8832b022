using System.Diagnostics;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The spans of opening handshakes and connections. Without a listener none is made. What a peer wrote is escaped and cut,
/// and no peer can make a span an error: that is for the server's own code.
/// </summary>
internal static class Spans
{
    private static readonly ActivitySource Source = new(ServerMeter.Name);

    /// <summary>A request has arrived: the child of the span that it names.</summary>
    /// <param name="connection">Whose request it is.</param>
    /// <param name="request">The request.</param>
    /// <param name="elapsed">How long ago the client was accepted.</param>
    public static Activity? StartHandshake(
        ServerConnection connection,
        Request request,
        TimeSpan elapsed
    )
    {
        if (!Source.HasListeners())
            return null;
        // What was under way where the server was started has not caused the request.
        Activity.Current = null;
        var tags = new ActivityTagsCollection
        {
            ["http.request.method"] = SpanText.Method(request) ?? ConnectionOutcome.Other,
        };
        Describe(connection, request, tags);
        return Source.StartActivity(
            "FunctionalWs.Handshake",
            ActivityKind.Server,
            TraceContext.Of(request),
            tags,
            links: null,
            DateTimeOffset.UtcNow - elapsed
        );
    }

    /// <summary>The handshake is answered, or given up.</summary>
    public static void EndHandshake(
        Activity span,
        ServerConnection connection,
        HandshakeOutcome outcome
    )
    {
        var method = SpanText.Method(connection.Request) ?? "HTTP";
        EndName(span, method, connection);
        span.SetTag("functionalws.handshake.outcome", outcome.Name);
        if (outcome.StatusCode is { } status)
            span.SetTag("http.response.status_code", status);
        if (outcome.Name == HandshakeOutcome.Failed)
            Fail(span, outcome.Error);
        span.Stop();
    }

    /// <summary>A connection has opened: the child of its handshake, or of the span that the request names.</summary>
    public static Activity? StartConnection(ServerConnection connection, ActivityContext? handshake)
    {
        if (!Source.HasListeners() || connection.Asked is not { } request)
            return null;
        var tags = new ActivityTagsCollection
        {
            ["functionalws.connection.id"] = Invariant($"{connection.Id}"),
        };
        Describe(connection, request, tags);
        Activity.Current = null;
        var span = Source.StartActivity(
            "FunctionalWs.Connection",
            ActivityKind.Server,
            handshake ?? TraceContext.Of(request),
            tags
        );
        if (span is not null)
            EndName(span, "websocket", connection);
        return span;
    }

    /// <summary>A connection has ended.</summary>
    /// <param name="span">Its span.</param>
    /// <param name="outcome">How it ended.</param>
    /// <param name="failure">What the handler threw; null for nothing.</param>
    public static void EndConnection(Activity span, ConnectionOutcome outcome, Exception? failure)
    {
        span.SetTag("functionalws.close.code", outcome.CloseCode);
        span.SetTag("functionalws.close.initiator", outcome.Initiator);
        if (failure is not null)
            Fail(span, failure);
        span.Stop();
    }

    // The log has the exception itself: its text may be anything.
    private static void Fail(Activity span, Exception? error)
    {
        span.SetTag("error.type", error?.GetType().FullName);
        span.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>A name of which there are few: with the pattern of the rule, never with the path.</summary>
    private static void EndName(Activity span, string name, ServerConnection connection)
    {
        span.DisplayName = connection.Rule is { } rule ? Invariant($"{name} {rule.Pattern}") : name;
        span.SetTag("http.route", connection.Rule?.Pattern);
    }

    private static void Describe(
        ServerConnection connection,
        Request request,
        ActivityTagsCollection tags
    )
    {
        tags["network.protocol.name"] = "websocket";
        tags["url.scheme"] = connection.Tls is null ? "ws" : "wss";
        tags["url.path"] = SpanText.Path(request);
        Add(tags, "user_agent.original", SpanText.UserAgent(request));
        Add(tags, "client", ServerAddress.Of(connection.RemoteEndPoint));
        Add(tags, "network.peer", ServerAddress.Of(connection.PeerEndPoint));
        Add(tags, "server", ServerAddress.Of(connection.LocalEndPoint));
    }

    private static void Add(ActivityTagsCollection tags, string name, ServerAddress address)
    {
        Add(tags, Invariant($"{name}.address"), address.Address);
        Add(tags, Invariant($"{name}.port"), address.Port);
    }

    private static void Add(ActivityTagsCollection tags, string name, object? value)
    {
        if (value is not null)
            tags[name] = value;
    }
}
