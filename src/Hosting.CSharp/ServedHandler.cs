namespace FunctionalWs.Hosting;

/// <summary>What a server answers with.</summary>
/// <param name="Handler">Handles its connections.</param>
/// <param name="Router">The router that does; null for none.</param>
/// <param name="Class">The class that does; null for none.</param>
internal sealed record ServedHandler(
    Action<ServerConnection> Handler,
    Router? Router = null,
    IHandlerClass? Class = null
)
{
    /// <summary>The classes of which instances are made for connections.</summary>
    public IEnumerable<IHandlerClass> Classes =>
        (Class is null ? [] : new[] { Class })
            .Concat(
                Router?.UrlMap.Select(rule => rule.Action.Origin?.Target).OfType<IHandlerClass>()
                    ?? []
            )
            .Distinct();
}
