using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <content>What a router found out.</content>
public partial class ServerConnection
{
    /// <summary>
    /// The values of the request's path and the defaults of its rule; empty without a <see cref="Router"/>. Known once the
    /// router has seen the request.
    /// </summary>
    public RouteValues RouteValues { get; internal set; } = RouteValues.Empty;

    /// <summary>The rule that took the request; null without a <see cref="Router"/>, or until it has seen the request.</summary>
    public Rule? Rule { get; internal set; }
}
