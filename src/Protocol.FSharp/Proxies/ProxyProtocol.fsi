// The PROXY protocol, versions 1 and 2: a header before everything else on a connection, in which a proxy tells whom it
// is serving.
namespace FunctionalWs.Protocol

open System
open System.Net

/// <summary>What a proxy says at the start of a connection.</summary>
[<RequireQualifiedAccess>]
type ProxyHeader =
    /// <summary>It is serving a client.</summary>
    /// <param name="Source">The client's end of the client's connection.</param>
    /// <param name="Destination">The proxy's end of it.</param>
    | Proxied of Source: IPEndPoint * Destination: IPEndPoint
    /// <summary>It speaks for itself, as in a health check, or can't tell: the connection's own addresses count.</summary>
    | Own

/// <summary>Result of looking for a header at the start of some bytes.</summary>
[<RequireQualifiedAccess>]
type ProxyParse =
    /// <summary>All of the bytes belong to a header, and more is to come.</summary>
    | Incomplete
    /// <summary>A header is there.</summary>
    /// <param name="Header">What it says.</param>
    /// <param name="Consumed">How many bytes it takes.</param>
    | Complete of Header: ProxyHeader * Consumed: int
    /// <summary>The bytes are no header, or one that breaks the rules.</summary>
    | Malformed

/// <summary>Reads headers of the PROXY protocol. Total: no bytes make it throw.</summary>
module ProxyProtocol =

    /// <summary>The longest header that is read, in bytes: 4,096. The protocol would allow 65,551.</summary>
    [<Literal>]
    val MaxLength: int = 4096

    /// <summary>Looks for a header at the start of the bytes.</summary>
    /// <param name="bytes">What a connection began with.</param>
    [<CompiledName("Parse")>]
    val parse: bytes: ReadOnlySpan<byte> -> ProxyParse

type ProxyHeader with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ProxyHeader | null) * right: (ProxyHeader | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ProxyHeader | null) * right: (ProxyHeader | null) -> bool

type ProxyParse with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ProxyParse | null) * right: (ProxyParse | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ProxyParse | null) * right: (ProxyParse | null) -> bool
