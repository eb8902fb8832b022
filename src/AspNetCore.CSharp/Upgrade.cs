using FunctionalWs.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Timeouts;

namespace FunctionalWs.AspNetCore;

/// <summary>What makes a stream of a request: the upgrade of HTTP/1.1, or the extended CONNECT of HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).</summary>
internal sealed class Upgrade
{
    private readonly HttpContext context;
    private readonly IHttpUpgradeFeature? upgrade;
    private readonly IHttpExtendedConnectFeature? connect;

    private Upgrade(
        HttpContext context,
        IHttpUpgradeFeature? upgrade,
        IHttpExtendedConnectFeature? connect
    )
    {
        this.context = context;
        this.upgrade = upgrade;
        this.connect = connect;
        Parse = connect is null ? HttpRequests.Of(context) : HttpRequests.OfConnect(context);
    }

    /// <summary>What the core judges.</summary>
    public RequestParse Parse { get; }

    /// <summary>False when the web server upgrades no such request, whatever the core thinks of it: one with a body, say.</summary>
    public bool IsPossible => upgrade is null or { IsUpgradableRequest: true };

    public static Upgrade Of(HttpContext context)
    {
        var features = context.Features;
        var connect = features.Get<IHttpExtendedConnectFeature>();
        return connect is { IsExtendedConnect: true, Protocol: "websocket" }
            ? new Upgrade(context, null, connect)
            : new Upgrade(context, features.Get<IHttpUpgradeFeature>(), null);
    }

    /// <summary>
    /// Answers that the connection opens, and gives its transport the stream; false when nothing was answered, since the web server has
    /// as many upgraded connections as it takes.
    /// </summary>
    public async Task<bool> TryAccept(Response response, StreamTransport transport)
    {
        LiftLimits();
        HttpAnswers.SetHeaders(context, response, isHttp1: connect is null);
        if (await TryTakeStream() is not { } stream)
        {
            HttpAnswers.RemoveHeaders(context, response);
            return false;
        }
        transport.Attach(stream, connect is null ? null : () => context.Response.CompleteAsync());
        return true;
    }

    private async Task<Stream?> TryTakeStream()
    {
        if (connect is not null)
            return await connect.AcceptAsync();
        if (upgrade is null)
            throw new InvalidOperationException(
                "The web server can't give this request's stream away: it takes Kestrel, and no middleware that has read or answered the request."
            );
        try
        {
            return await upgrade.UpgradeAsync();
        }
        catch (InvalidOperationException) when (!context.Response.HasStarted)
        {
            return null; // MaxConcurrentUpgradedConnections
        }
    }

    /// <summary>Limits of the web server that are for requests, which end.</summary>
    private void LiftLimits()
    {
        var features = context.Features;
        features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (
            features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinRequestBodyDataRateFeature>() is
            { } rate
        )
            rate.MinDataRate = null; // who says nothing for a while is watched by our keepalive
    }
}
