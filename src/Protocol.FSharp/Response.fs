// Responses of HTTP: a status, header fields and a body, checked as they are made (RFC 9112 §4).
namespace FunctionalWs.Protocol

open System
open System.Runtime.InteropServices
open System.Text

/// <summary>Status codes (RFC 9110 §15).</summary>
module StatusCode =

    /// <summary>The phrase that goes with a status code; empty for codes that have none (RFC 9110 §15).</summary>
    /// <param name="statusCode">Any number.</param>
    [<CompiledName("ReasonPhrase")>]
    let reasonPhrase (statusCode: int) : string =
        match statusCode with
        | 101 -> "Switching Protocols"
        | 200 -> "OK"
        | 201 -> "Created"
        | 202 -> "Accepted"
        | 204 -> "No Content"
        | 301 -> "Moved Permanently"
        | 302 -> "Found"
        | 303 -> "See Other"
        | 304 -> "Not Modified"
        | 307 -> "Temporary Redirect"
        | 308 -> "Permanent Redirect"
        | 400 -> "Bad Request"
        | 401 -> "Unauthorized"
        | 403 -> "Forbidden"
        | 404 -> "Not Found"
        | 405 -> "Method Not Allowed"
        | 406 -> "Not Acceptable"
        | 408 -> "Request Timeout"
        | 409 -> "Conflict"
        | 410 -> "Gone"
        | 413 -> "Content Too Large"
        | 414 -> "URI Too Long"
        | 421 -> "Misdirected Request"
        | 426 -> "Upgrade Required"
        | 429 -> "Too Many Requests"
        | 431 -> "Request Header Fields Too Large"
        | 500 -> "Internal Server Error"
        | 501 -> "Not Implemented"
        | 502 -> "Bad Gateway"
        | 503 -> "Service Unavailable"
        | 504 -> "Gateway Timeout"
        | 505 -> "HTTP Version Not Supported"
        | _ -> ""

    /// <summary>True when a response with this status has no body: 1xx, 204 and 304 (RFC 9112 §6.3).</summary>
    /// <param name="statusCode">Any number.</param>
    [<CompiledName("IsBodiless")>]
    let isBodiless (statusCode: int) : bool =
        statusCode < 200 || statusCode = 204 || statusCode = 304

/// <summary>
/// A response: made by <c>Text</c>, <c>Bytes</c>, <c>Redirect</c> or <c>Empty</c>, changed by the members that begin with
/// <c>With</c>, which give a new one. Immutable. What could break a line of it is refused when it is set (RFC 9112 §4).
/// </summary>
[<NoComparison>]
type Response = private {
    Status: int
    Phrase: string
    Fields: Headers
    Content: ReadOnlyMemory<byte>
} with

    /// <summary>The status code, 100 to 599.</summary>
    member response.StatusCode: int = response.Status

    /// <summary>The text after the status code; may be empty.</summary>
    member response.ReasonPhrase: string = response.Phrase

    /// <summary>The header fields. The server completes them with <c>Date</c>, <c>Content-Length</c> and others when it sends
    /// the response.</summary>
    member response.Headers: Headers = response.Fields

    /// <summary>The body; may be empty.</summary>
    member response.Body: ReadOnlyMemory<byte> = response.Content

    static member private CheckBody(statusCode: int, body: ReadOnlyMemory<byte>) =
        if body.Length > 0 && StatusCode.isBodiless statusCode then
            raise (ArgumentException($"A response with status {statusCode} has no body.", "body"))

    /// <summary>
    /// No response, which is null: what a hook returns to let the handshake go on. In F#, where null is no value of this type,
    /// it needs a name.
    /// </summary>
    static member None: Response | null = null

    /// <summary>A response without header fields and body.</summary>
    /// <param name="statusCode">100 to 599.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    static member Empty(statusCode: int) : Response =
        if statusCode < 100 || statusCode > 599 then
            raise (
                ArgumentOutOfRangeException(
                    nameof statusCode,
                    statusCode,
                    "A status code is from 100 to 599."
                )
            )

        {
            Status = statusCode
            Phrase = StatusCode.reasonPhrase statusCode
            Fields = Headers.Empty
            Content = ReadOnlyMemory.Empty
        }

    /// <summary>A response with a body of bytes.</summary>
    /// <param name="statusCode">100 to 599, but none of 1xx, 204 and 304 unless the body is empty.</param>
    /// <param name="body">The body. It is not copied: leave it as it is.</param>
    /// <param name="contentType">The value of <c>Content-Type</c>, such as <c>text/html; charset=utf-8</c>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body, or the type can't be a header's value.</exception>
    static member Bytes(statusCode: int, body: ReadOnlyMemory<byte>, contentType: string) : Response =
        Response.Empty(statusCode).WithHeader("Content-Type", contentType).WithBody body

    /// <summary>A response with a plain text in UTF-8.</summary>
    /// <param name="statusCode">100 to 599, but none of 1xx, 204 and 304 unless the text is empty.</param>
    /// <param name="text">The text; may be empty. A lone surrogate in it is replaced.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body.</exception>
    static member Text(statusCode: int, text: string) : Response =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        if StatusCode.isBodiless statusCode then
            Response.Empty(statusCode).WithBody(ReadOnlyMemory(Encoding.UTF8.GetBytes text))
        else
            Response.Bytes(
                statusCode,
                ReadOnlyMemory(Encoding.UTF8.GetBytes text),
                "text/plain; charset=utf-8"
            )

    /// <summary>A response that sends the client elsewhere (RFC 9110 §15.4).</summary>
    /// <param name="location">Where to: a URL or an absolute path, in ASCII or Latin-1.</param>
    /// <param name="statusCode">300 to 399; 302, found, by default.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The location can't be a header's value.</exception>
    static member Redirect
        (location: string, [<Optional; DefaultParameterValue(302)>] statusCode: int)
        : Response =
        if statusCode < 300 || statusCode > 399 then
            raise (
                ArgumentOutOfRangeException(
                    nameof statusCode,
                    statusCode,
                    "The status code of a redirection is from 300 to 399."
                )
            )

        Response.Text(statusCode, "").WithHeader("Location", location)

    /// <summary>The response with one value of a header field, instead of any it had.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member response.WithHeader(name: string, value: string) : Response = {
        response with
            Fields = response.Fields.Set(name, value)
    }

    /// <summary>The response with one more header field, beside any of its name, as for <c>Set-Cookie</c>.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member response.WithAddedHeader(name: string, value: string) : Response = {
        response with
            Fields = response.Fields.Add(name, value)
    }

    /// <summary>The response without the header fields of a name.</summary>
    /// <param name="name">The name, in any case.</param>
    member response.WithoutHeader(name: string) : Response = {
        response with
            Fields = response.Fields.Remove name
    }

    /// <summary>The response with these header fields instead of its own.</summary>
    /// <param name="headers">The fields.</param>
    member response.WithHeaders(headers: Headers) : Response = { response with Fields = headers }

    /// <summary>The response with another text after its status code (RFC 9112 §4).</summary>
    /// <param name="reasonPhrase">Text of TAB, 0x20–0x7E and 0x80–0xFF; may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The phrase has a character that it can't have.</exception>
    member response.WithReasonPhrase(reasonPhrase: string) : Response =
        if not (HeaderSyntax.isValue reasonPhrase) then
            raise (
                ArgumentException(
                    "The reason phrase has a character that none can have: only TAB, 0x20-0x7E and 0x80-0xFF.",
                    nameof reasonPhrase
                )
            )

        { response with Phrase = reasonPhrase }

    /// <summary>The response with another body; its <c>Content-Length</c> is told when it is sent.</summary>
    /// <param name="body">The body. It is not copied: leave it as it is.</param>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body.</exception>
    member response.WithBody(body: ReadOnlyMemory<byte>) : Response =
        Response.CheckBody(response.Status, body)
        { response with Content = body }
