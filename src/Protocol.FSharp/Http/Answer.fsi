// What a response lacks to be sent: its date, its length, the end of the connection, the server's name.
namespace FunctionalWs.Protocol

open System

/// <summary>Completes responses.</summary>
module Answer =

    /// <summary>
    /// Makes a response's framing right: <c>Connection: close</c>, with <c>Upgrade</c> beside it where the response has that
    /// header, a <c>Content-Length</c> that is its body's, and no body for HEAD. One with status 101 is left as it is. Doing it
    /// twice changes nothing.
    /// </summary>
    /// <param name="method">The method of the request that is answered.</param>
    /// <param name="response">The response.</param>
    [<CompiledName("Frame")>]
    val frame: method: string -> response: Response -> Response

    /// <summary>
    /// Completes a response: <c>Date</c> and <c>Server</c> unless it has its own, and its framing as <c>Frame</c> does.
    /// </summary>
    /// <param name="serverHeader">The value of <c>Server</c>; null or empty to leave it out.</param>
    /// <param name="now">The clock's value, for <c>Date</c>.</param>
    /// <param name="method">The method of the request that is answered.</param>
    /// <param name="response">The response.</param>
    [<CompiledName("Complete")>]
    val complete:
        serverHeader: (string | null) ->
        now: DateTimeOffset ->
        method: string ->
        response: Response ->
            Response
