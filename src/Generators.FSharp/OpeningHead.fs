// The head of an opening handshake.
namespace FunctionalWs.Generators

open System
open System.Text
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>The head of a client's opening handshake, which keeps the rules (RFC 6455 §4.1). Immutable.</summary>
[<StructuredFormatDisplay("{Shown}")>]
type OpeningHead = {
    /// <summary>The request target.</summary>
    Target: string
    /// <summary>The subprotocols that are offered, in order; none for no such header.</summary>
    Subprotocols: string list
    /// <summary>Other headers, names and values.</summary>
    Others: (string * string) list
} with

    /// <summary>The request.</summary>
    member head.Request: Request =
        let offered =
            if head.Subprotocols.IsEmpty then
                []
            else
                [ "Sec-WebSocket-Protocol", String.Join(", ", head.Subprotocols) ]

        let fields =
            [
                "Host", "example.com"
                "Upgrade", "websocket"
                "Connection", "Upgrade"
                "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="
                "Sec-WebSocket-Version", "13"
            ]
            @ offered
            @ head.Others

        {
            Method = "GET"
            Target = head.Target
            Version = "HTTP/1.1"
            Headers =
                (Headers.Empty, fields)
                ||> List.fold (fun headers (name, value) -> headers.Add(name, value))
        }

    /// <summary>The bytes on the wire.</summary>
    member head.ToBytes() : byte[] =
        let writer = Buffers.ArrayBufferWriter<byte>()
        head.Request.WriteTo writer
        writer.WrittenSpan.ToArray()

    member private head.Shown: string =
        let offered = String.Join(", ", head.Subprotocols)
        Invariant $"GET {head.Target}, offers [{offered}], {head.Others.Length} other headers"

    /// <summary>What is asked for.</summary>
    override head.ToString() : string = head.Shown
