using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Which of the extensions that a client offers are used: the server's side of RFC 6455 §9.1.</summary>
internal sealed class ExtensionNegotiation(ServerOptions options)
{
    private readonly IReadOnlyList<IServerExtension> extensions = options.AllExtensions;

    /// <summary>True when the server has any; otherwise what clients offer needs no look.</summary>
    public bool HasExtensions => extensions.Count > 0;

    /// <summary>
    /// Agrees to each offer, in the client's order, that an extension of its name accepts, unless it needs a bit that one
    /// before it has.
    /// </summary>
    /// <exception cref="Exception">What an extension throws.</exception>
    public ExtensionChain Negotiate(ServerConnection connection, IEnumerable<ExtensionOffer> offers)
    {
        var agreed = new List<Extension>();
        try
        {
            foreach (var offer in offers)
            {
                if (Agree(connection, offer, agreed) is { } extension)
                    agreed.Add(extension);
            }
        }
        catch (Exception error)
        {
            var failures = ExtensionChain.Dispose(agreed);
            if (failures.Count == 0)
                throw;
            throw new AggregateException([error, .. failures]);
        }
        return agreed.Count == 0 ? ExtensionChain.Empty : new ExtensionChain(agreed);
    }

    private Extension? Agree(
        ServerConnection connection,
        ExtensionOffer offer,
        List<Extension> agreed
    )
    {
        foreach (var candidate in extensions)
        {
            if (candidate.Name != offer.Name)
                continue;
            var extension = candidate.Negotiate(connection, [.. offer.Parameters]);
            if (extension is null)
                continue;
            if (!Conflicts(extension, agreed))
                return extension;
            extension.Dispose();
        }
        return null;
    }

    private static bool Conflicts(Extension extension, List<Extension> agreed) =>
        extension.ReservedBit != ReservedBits.None
        && agreed.Exists(other => other.ReservedBit == extension.ReservedBit);
}
