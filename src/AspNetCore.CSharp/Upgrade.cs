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
        Request = connect is null ? HttpRequests.Of(context) : HttpRequests.OfConnect(context);
    }

    /// <summary>What the core judges.</summary>
    public Request Request { get; }

    public static Upgrade Of(HttpContext context)
    {
        var features = context.Features;
        var connect = features.Get<IHttpExtendedConnectFeature>();
        return connect is { IsExtendedConnect: true, Protocol: "websocket" }
            ? new Upgrade(context, null, connect)
            : new Upgrade(context, features.Get<IHttpUpgradeFeature>(), null);
    }

    /// <summary>Answers that the connection opens, and gives its transport the stream.</summary>
    public async Task Accept(Response response, StreamTransport transport)
    {
        LiftLimits();
        HttpAnswers.SetHeaders(context, response, isHttp1: connect is null);
        var stream =
            connect is not null ? await connect.AcceptAsync()
            : upgrade is { IsUpgradableRequest: true } ? await upgrade.UpgradeAsync()
            : throw new InvalidOperationException(
                "The web server can't give this request's stream away: it takes Kestrel, and no middleware that has read or answered the request."
            );
        transport.Attach(
            stream,
            context.Abort,
            connect is null ? null : () => context.Response.CompleteAsync()
        );
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
