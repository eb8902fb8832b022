// Responses of HTTP: a status, header fields and a body, checked as they are made (RFC 9112 §4).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices
open System.Text
open type System.FormattableString

/// <summary>
/// A response: made by <c>Text</c>, <c>Bytes</c>, <c>Redirect</c> or <c>Empty</c>, changed by the members that begin with
/// <c>With</c>, which give a new one. Immutable. What could break a line of it is refused when it is set (RFC 9112 §4).
/// Responses with the same status, phrase, fields and bytes are equal. The text form hides secrets, as that of headers does.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Shown}")>]
type Response private (statusCode: int, reasonPhrase: string, headers: Headers, body: ReadOnlyMemory<byte>) =

    static let checkRange (least: int) (most: int) (what: string) (statusCode: int) =
        if statusCode < least || statusCode > most then
            let range = Invariant $"{PeerText.number least} to {PeerText.number most}"

            raise (
                ArgumentOutOfRangeException(
                    "statusCode",
                    statusCode,
                    Invariant $"The status code of {what} is from {range}."
                )
            )

    /// <summary>The status code, 100 to 599.</summary>
    member _.StatusCode: int = statusCode

    /// <summary>The text after the status code; may be empty.</summary>
    member _.ReasonPhrase: string = reasonPhrase

    /// <summary>The header fields. The server completes them with <c>Date</c>, <c>Content-Length</c> and others when it sends
    /// the response.</summary>
    member _.Headers: Headers = headers

    /// <summary>The body; may be empty.</summary>
    member _.Body: ReadOnlyMemory<byte> = body

    /// <summary>
    /// No response, which is null: what a hook returns to let the handshake go on. In F#, where null is no value of this type,
    /// it needs a name.
    /// </summary>
    static member None: Response | null = null

    /// <summary>A response without header fields and body.</summary>
    /// <param name="statusCode">100 to 599.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    static member Empty(statusCode: int) : Response =
        checkRange 100 599 "a response" statusCode
        Response(statusCode, StatusCode.reasonPhrase statusCode, Headers.Empty, ReadOnlyMemory.Empty)

    /// <summary>A response with a body of bytes.</summary>
    /// <param name="statusCode">100 to 599, but none of 1xx, 204 and 304 unless the body is empty.</param>
    /// <param name="body">The body. It is not copied: leave it as it is.</param>
    /// <param name="contentType">The value of <c>Content-Type</c>, such as <c>text/html; charset=utf-8</c>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body, or the type can't be a header's value.</exception>
    static member Bytes(statusCode: int, body: ReadOnlyMemory<byte>, contentType: string) : Response =
        ArgumentNullException.ThrowIfNull(contentType, nameof contentType)
        Response.Empty(statusCode).WithHeader("Content-Type", contentType).WithBody body

    /// <summary>A response with a plain text in UTF-8.</summary>
    /// <param name="statusCode">100 to 599, but none of 1xx, 204 and 304 unless the text is empty.</param>
    /// <param name="text">The text; may be empty. A lone surrogate in it is replaced.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body.</exception>
    static member Text(statusCode: int, text: string) : Response =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        let body = ReadOnlyMemory(Encoding.UTF8.GetBytes text)

        if StatusCode.isBodiless statusCode then
            Response.Empty(statusCode).WithBody body
        else
            Response.Bytes(statusCode, body, "text/plain; charset=utf-8")

    /// <summary>A response that sends the client elsewhere (RFC 9110 §15.4).</summary>
    /// <param name="location">Where to: a URL or an absolute path, in ASCII or Latin-1.</param>
    /// <param name="statusCode">300 to 399; 302, found, by default.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The status is out of its range.</exception>
    /// <exception cref="T:System.ArgumentException">The location can't be a header's value.</exception>
    static member Redirect
        (location: string, [<Optional; DefaultParameterValue(302)>] statusCode: int)
        : Response =
        ArgumentNullException.ThrowIfNull(location, nameof location)
        checkRange 300 399 "a redirection" statusCode
        Response.Text(statusCode, "").WithHeader("Location", location)

    /// <summary>The response with one value of a header field, instead of any it had.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member response.WithHeader(name: string, value: string) : Response =
        response.WithHeaders(headers.Set(name, value))

    /// <summary>The response with one more header field, beside any of its name, as for <c>Set-Cookie</c>.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member response.WithAddedHeader(name: string, value: string) : Response =
        response.WithHeaders(headers.Add(name, value))

    /// <summary>The response without the header fields of a name.</summary>
    /// <param name="name">The name, in any case.</param>
    member response.WithoutHeader(name: string) : Response =
        response.WithHeaders(headers.Remove name)

    /// <summary>The response with these header fields instead of its own.</summary>
    /// <param name="headers">The fields.</param>
    member _.WithHeaders(headers: Headers) : Response =
        ArgumentNullException.ThrowIfNull(headers, nameof headers)
        Response(statusCode, reasonPhrase, headers, body)

    /// <summary>The response with another text after its status code (RFC 9112 §4).</summary>
    /// <param name="reasonPhrase">Text of TAB, 0x20–0x7E and 0x80–0xFF; may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The phrase has a character that it can't have.</exception>
    member _.WithReasonPhrase(reasonPhrase: string) : Response =
        ArgumentNullException.ThrowIfNull(reasonPhrase, nameof reasonPhrase)

        if not (HeaderSyntax.isValue reasonPhrase) then
            raise (
                ArgumentException(
                    "The reason phrase has a character that none can have: only TAB, 0x20-0x7E and 0x80-0xFF.",
                    nameof reasonPhrase
                )
            )

        Response(statusCode, reasonPhrase, headers, body)

    /// <summary>The response with another body; its <c>Content-Length</c> is told when it is sent.</summary>
    /// <param name="body">The body. It is not copied: leave it as it is.</param>
    /// <exception cref="T:System.ArgumentException">The status doesn't go with a body.</exception>
    member _.WithBody(body: ReadOnlyMemory<byte>) : Response =
        if body.Length > 0 && StatusCode.isBodiless statusCode then
            raise (
                ArgumentException(
                    Invariant $"A response with status {PeerText.number statusCode} has no body.",
                    nameof body
                )
            )

        Response(statusCode, reasonPhrase, headers, body)

    /// <summary>Writes the response as it is sent: its head, then its body.</summary>
    /// <param name="writer">Where it goes.</param>
    member _.WriteTo(writer: IBufferWriter<byte>) : unit =
        ArgumentNullException.ThrowIfNull(writer, nameof writer)
        let line = Invariant $"HTTP/1.1 {PeerText.number statusCode} {reasonPhrase}\r\n"
        writer.Write(ReadOnlySpan(Encoding.Latin1.GetBytes(Invariant $"{line}{headers.Lines}\r\n")))
        writer.Write body.Span

    /// <summary>True for the same status, phrase, fields and bytes.</summary>
    override _.Equals(other: obj | null) : bool =
        match other with
        | :? Response as other ->
            other.StatusCode = statusCode
            && other.ReasonPhrase = reasonPhrase
            && other.Headers = headers
            && other.Body.Span.SequenceEqual body.Span
        | _ -> false

    /// <summary>A hash code of status, fields and the body's length.</summary>
    override _.GetHashCode() : int =
        HashCode.Combine(statusCode, headers, body.Length)

    member private _.Shown: string =
        let line = (Invariant $"{PeerText.number statusCode} {reasonPhrase}").TrimEnd()

        let length =
            if body.IsEmpty then
                ""
            else
                Invariant $"\n{PeerText.number body.Length} bytes"

        let fields = if Seq.isEmpty headers then "" else Invariant $"\n{headers}"
        Invariant $"{line}{fields}{length}"

    /// <summary>Status, fields and the body's length, in lines.</summary>
    override response.ToString() : string = response.Shown

type Response with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Response | null, right: Response | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Response | null, right: Response | null) : bool =
        not (obj.Equals(left, right))
