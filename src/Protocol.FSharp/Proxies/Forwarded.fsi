// Whom a chain of proxies is serving, as its members write into requests: X-Forwarded-For, and Forwarded (RFC 7239).
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Net

/// <summary>
/// Reads the headers in which proxies tell for whom they forward. Total: no text makes it throw; what is not understood
/// counts as an unknown hop.
/// </summary>
module Forwarded =

    /// <summary>The hops that <c>X-Forwarded-For</c> names, the nearest first; null for an unknown one.</summary>
    /// <param name="values">The values of all its fields, in order.</param>
    [<CompiledName("ParseXForwardedFor")>]
    val parseXForwardedFor: values: IReadOnlyList<string> -> IReadOnlyList<IPEndPoint | null>

    /// <summary>
    /// The hops that <c>Forwarded</c> names in its <c>for</c> parameters, the nearest first; null for an unknown one. A line
    /// that breaks the grammar is an unknown hop as a whole: a client that writes a part of it could shift the rest. It hides
    /// those before it, but none after it, which nearer proxies have written.
    /// </summary>
    /// <param name="values">The values of all its fields, in order.</param>
    [<CompiledName("ParseForwarded")>]
    val parseForwarded: values: IReadOnlyList<string> -> IReadOnlyList<IPEndPoint | null>

    /// <summary>
    /// The client: the nearest hop that is not trusted, since everything before it may be its invention. When all are
    /// trusted it is the farthest; an unknown hop ends the search at the one before it. Null when no hop is known.
    /// </summary>
    /// <param name="isTrusted">Tells the addresses of proxies whose word is taken.</param>
    /// <param name="hops">The hops, the nearest first; the peer itself is trusted and not among them.</param>
    [<CompiledName("FindClient")>]
    val findClient:
        isTrusted: Func<IPAddress, bool> -> hops: IReadOnlyList<IPEndPoint | null> -> IPEndPoint | null
