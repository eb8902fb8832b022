namespace FunctionalWs.Routing

/// <summary>Names of hosts, as rules and requests have them.</summary>
module RouteHost =

    /// <summary>True for a host with an optional port whose labels aren't empty (RFC 9110 §7.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsName")>]
    val isName: text: string -> bool

    val internal withoutPort: host: string -> string

    /// The port with its colon; empty when there is none.
    val internal port: host: string -> string

    /// Lower case, and in ASCII as names are on the wire (RFC 5890).
    val internal normalize: host: string -> string

    /// The part before the server's name: empty for the name itself, none for another host.
    val internal trySubdomain: host: string -> serverName: string -> string voption
