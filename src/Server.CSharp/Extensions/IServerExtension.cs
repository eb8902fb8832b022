using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// An extension of the protocol that a server has (RFC 6455 §9): negotiates it, for each connection anew. To be set in
/// <see cref="ServerOptions.Extensions"/>; used by many threads at a time.
/// </summary>
public interface IServerExtension
{
    /// <summary>The name under which clients offer it: a token; case matters (RFC 6455 §9.1).</summary>
    string Name { get; }

    /// <summary>
    /// Decides on an offer of this name. Several offers of one name are alternatives, in the client's order; several
    /// extensions of one name are asked one after the other.
    /// </summary>
    /// <param name="connection">The connection, with its request; not open yet.</param>
    /// <param name="offer">The parameters that the client offers, in their order.</param>
    /// <returns>
    /// What is going to transform the connection's messages; null to decline the offer. One whose
    /// <see cref="Extension.ReservedBit"/> another extension of the connection has already is dropped, as if it was declined.
    /// </returns>
    /// <remarks>An exception answers the client with 500 and is logged.</remarks>
    Extension? Negotiate(ServerConnection connection, IReadOnlyList<ExtensionParameter> offer);
}
