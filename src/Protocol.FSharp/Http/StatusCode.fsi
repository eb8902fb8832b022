// What status codes say.
namespace FunctionalWs.Protocol

/// <summary>Status codes (RFC 9110 §15).</summary>
module StatusCode =

    /// <summary>The phrase that goes with a status code, as it is registered with IANA; empty for codes that have none.</summary>
    /// <param name="statusCode">Any number.</param>
    [<CompiledName("ReasonPhrase")>]
    val reasonPhrase: statusCode: int -> string

    /// <summary>True when a response with this status has no body: 1xx, 204 and 304 (RFC 9112 §6.3).</summary>
    /// <param name="statusCode">Any number.</param>
    [<CompiledName("IsBodiless")>]
    val isBodiless: statusCode: int -> bool
