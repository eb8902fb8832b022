// The PROXY protocol, versions 1 and 2: a header before everything else on a connection, in which a proxy tells whom it
// is serving.
namespace FunctionalWs.Protocol

open System
open System.Buffers.Binary
open System.Net
open System.Text

[<RequireQualifiedAccess>]
type ProxyHeader =
    | Proxied of Source: IPEndPoint * Destination: IPEndPoint
    | Own

[<RequireQualifiedAccess>]
type ProxyParse =
    | Incomplete
    | Complete of Header: ProxyHeader * Consumed: int
    | Malformed

module ProxyProtocol =

    [<Literal>]
    let MaxLength = 4096

    // ---- Version 1: one line of text

    [<Literal>]
    let private MaxLineLength = 107

    let private lineStart = "PROXY "B

    let private endPoint (address: IPAddress voption) (port: string) : IPEndPoint voption =
        match address, AddressText.tryPort port with
        | ValueSome address, ValueSome port -> ValueSome(IPEndPoint(address, port))
        | _ -> ValueNone

    let private addresses (tryAddress: string -> IPAddress voption) (words: string[]) : ProxyHeader voption =
        if words.Length <> 6 then
            ValueNone
        else
            match endPoint (tryAddress words[2]) words[4], endPoint (tryAddress words[3]) words[5] with
            | ValueSome source, ValueSome destination -> ValueSome(ProxyHeader.Proxied(source, destination))
            | _ -> ValueNone

    let private parseLine (line: string) : ProxyHeader voption =
        let words = line.Split ' '

        match words[1] with
        | "TCP4" -> addresses AddressText.tryIPv4 words
        | "TCP6" -> addresses AddressText.tryIPv6 words
        | "UNKNOWN" -> ValueSome ProxyHeader.Own // whatever follows is to be ignored
        | _ -> ValueNone

    let private version1 (bytes: ReadOnlySpan<byte>) : ProxyParse =
        let line = bytes.Slice(0, min bytes.Length MaxLineLength)

        match line.IndexOf "\r\n"B with
        | -1 when line.Length = MaxLineLength -> ProxyParse.Malformed
        | -1 -> ProxyParse.Incomplete
        | length ->
            match parseLine (Encoding.Latin1.GetString(line.Slice(0, length))) with
            | ValueSome header -> ProxyParse.Complete(header, length + 2)
            | ValueNone -> ProxyParse.Malformed

    // ---- Version 2: binary

    [<Literal>]
    let private FixedLength = 16

    let private signature = "\r\n\r\n\000\r\nQUIT\n"B

    let private port (bytes: ReadOnlySpan<byte>) : int =
        int (BinaryPrimitives.ReadUInt16BigEndian bytes)

    /// Two addresses of a size, then two ports.
    let private binaryAddresses (size: int) (bytes: ReadOnlySpan<byte>) : ProxyHeader voption =
        if bytes.Length < 2 * size + 4 then
            ValueNone
        else
            let source = IPAddress(bytes.Slice(0, size))
            let destination = IPAddress(bytes.Slice(size, size))
            let ports = bytes.Slice(2 * size, 4)

            ValueSome(
                ProxyHeader.Proxied(
                    IPEndPoint(source, port ports),
                    IPEndPoint(destination, port (ports.Slice 2))
                )
            )

    /// The family is none, IPv4, IPv6 or Unix, the transport none, stream or datagram; other numbers are reserved.
    let private isKnown (family: byte) =
        family >>> 4 <= 3uy && family &&& 0x0Fuy <= 2uy

    /// Command and family are a byte each; what follows the addresses (extensions) is skipped.
    let private binary (command: byte) (family: byte) (rest: ReadOnlySpan<byte>) : ProxyHeader voption =
        match command, family with
        | 0x20uy, _ -> ValueSome ProxyHeader.Own
        | 0x21uy, 0x11uy -> binaryAddresses 4 rest
        | 0x21uy, 0x21uy -> binaryAddresses 16 rest
        | 0x21uy, _ when isKnown family -> ValueSome ProxyHeader.Own // a Unix socket, datagrams, or not told
        | _ -> ValueNone

    let private version2 (bytes: ReadOnlySpan<byte>) : ProxyParse =
        if bytes.Length < FixedLength then
            ProxyParse.Incomplete
        else
            let length = FixedLength + port (bytes.Slice 14)

            if length > MaxLength then
                ProxyParse.Malformed
            elif bytes.Length < length then
                ProxyParse.Incomplete
            else
                match binary bytes[12] bytes[13] (bytes.Slice(FixedLength, length - FixedLength)) with
                | ValueSome header -> ProxyParse.Complete(header, length)
                | ValueNone -> ProxyParse.Malformed

    /// True when the bytes begin as the other do, as far as both go.
    let private agrees (bytes: ReadOnlySpan<byte>) (expected: byte[]) : bool =
        let length = min bytes.Length expected.Length
        bytes.Slice(0, length).SequenceEqual(ReadOnlySpan(expected, 0, length))

    [<CompiledName("Parse")>]
    let parse (bytes: ReadOnlySpan<byte>) : ProxyParse =
        if bytes.IsEmpty then ProxyParse.Incomplete
        elif agrees bytes signature then version2 bytes
        elif agrees bytes lineStart then version1 bytes
        else ProxyParse.Malformed

type ProxyHeader with

    static member op_Equality(left: ProxyHeader | null, right: ProxyHeader | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ProxyHeader | null, right: ProxyHeader | null) : bool =
        not (obj.Equals(left, right))

type ProxyParse with

    static member op_Equality(left: ProxyParse | null, right: ProxyParse | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ProxyParse | null, right: ProxyParse | null) : bool =
        not (obj.Equals(left, right))
