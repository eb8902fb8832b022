using FunctionalWs.Hosting;
using FunctionalWs.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionalWs.AspNetCore;

/// <summary>
/// A WebSocket endpoint: judges a request by our rules, has the web server answer it, and gives the stream to a connection, whose end it
/// waits for without a thread.
/// </summary>
/// <param name="hosted">Whose connections they are.</param>
/// <param name="handler">Handles them.</param>
/// <param name="values">The values of the path.</param>
internal sealed class WebSocketEndpointDelegate(
    HostedServer hosted,
    Action<ServerConnection> handler,
    TypedValues values
)
{
    /// <summary>Of HTTP/1.1, and of HTTP/2 (RFC 8441 §4).</summary>
    public static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Connect];

    public async Task Invoke(HttpContext context)
    {
        var upgrade = Upgrade.Of(context);
        var transport = new StreamTransport(
            HttpRequests.EndPoint(context.Connection.LocalIpAddress, context.Connection.LocalPort),
            HttpRequests.EndPoint(context.Connection.RemoteIpAddress, context.Connection.RemotePort)
        );
        var server = hosted.Server;
        if (server.AdmitUpgrade(transport) is not { } connection)
        {
            await HttpAnswers.Send(context, server.Unavailable());
            return;
        }
        try
        {
            if (await TryOpen(context, upgrade, transport, connection))
                server.ServeUpgraded(connection, handler);
            await transport.Released;
        }
        finally
        {
            ServerConnectionHttpExtensions.Forget(connection);
        }
    }

    private async Task<bool> TryOpen(
        HttpContext context,
        Upgrade upgrade,
        StreamTransport transport,
        ServerConnection connection
    )
    {
        var decision = OpeningDecision.Ignored("the request could not be judged");
        var isAnswered = false;
        try
        {
            transport.AbortBy(context.Abort);
            decision = Decide(context, upgrade, connection);
            if (decision.IsAccepted && !await upgrade.TryAccept(decision.Response!, transport))
                decision = decision.Reject(
                    hosted.Server.Unavailable(),
                    "the web server takes no further upgraded connections"
                );
            if (!decision.IsAccepted)
                await HttpAnswers.Send(context, decision.Response!);
            isAnswered = true;
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // The client has left: the connection's end tells it.
        }
        finally
        {
            isAnswered = connection.EndUpgrade(decision, isAnswered);
        }
        return isAnswered;
    }

    private OpeningDecision Decide(
        HttpContext context,
        Upgrade upgrade,
        ServerConnection connection
    )
    {
        ServerConnectionHttpExtensions.Keep(connection, context);
        connection.RouteValues = values.Of(context.Request.RouteValues);
        if (context.User.Identities.Any(identity => identity.IsAuthenticated))
            connection.User = context.User;
        return connection.DecideUpgrade(upgrade.Parse, upgrade.IsPossible);
    }
}
