module FunctionalWs.Protocol.Tests.ProxyTests

open System
open System.Net
open System.Text
open FsCheck
open FsCheck.FSharp
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private ascii (text: string) = Encoding.Latin1.GetBytes text

let private parse (bytes: byte[]) =
    ProxyProtocol.parse (ReadOnlySpan bytes)

let private endPoint (text: string) = IPEndPoint.Parse text

let private proxied (source: string) (destination: string) =
    ProxyHeader.Proxied(endPoint source, endPoint destination)

let private signature = "\r\n\r\n\000\r\nQUIT\n"B

/// A header of version 2 by hand.
let private binary (command: int) (family: int) (rest: byte[]) =
    Array.concat [
        signature
        [| byte command; byte family; byte (rest.Length >>> 8); byte rest.Length |]
        rest
    ]

let private addresses (source: IPEndPoint) (destination: IPEndPoint) =
    let port (value: int) = [| byte (value >>> 8); byte value |]

    Array.concat [
        source.Address.GetAddressBytes()
        destination.Address.GetAddressBytes()
        port source.Port
        port destination.Port
    ]

let private version2 (source: IPEndPoint) (destination: IPEndPoint) =
    let isIPv4 = source.AddressFamily = Sockets.AddressFamily.InterNetwork
    binary 0x21 (if isIPv4 then 0x11 else 0x21) (addresses source destination)

let private version1 (source: IPEndPoint) (destination: IPEndPoint) =
    let isIPv4 = source.AddressFamily = Sockets.AddressFamily.InterNetwork
    let family = if isIPv4 then "TCP4" else "TCP6"
    ascii $"PROXY {family} {source.Address} {destination.Address} {source.Port} {destination.Port}\r\n"

/// Two ends of one family.
let private ends =
    gen {
        let! size = Gen.elements [ 4; 16 ]

        let one =
            gen {
                let! address = Gen.arrayOfLength size (Gen.choose (0, 255) |> Gen.map byte)
                let! port = Gen.choose (0, 65_535)
                return IPEndPoint(IPAddress address, port)
            }

        let! source = one
        let! destination = one
        return source, destination
    }

let private noise =
    Gen.arrayOf (
        Gen.frequency [
            3, Gen.elements (List.ofArray "PROXY TCP46 .:\r\n0a"B)
            1, Gen.choose (0, 255) |> Gen.map byte
        ]
    )

[<Tests>]
let proxyProtocol =
    testList "the PROXY protocol" [
        testTheory
            "headers of version 1"
            [
                "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
                proxied "192.0.2.1:56324" "198.51.100.2:443"
                "PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", proxied "[2001:db8::1]:0" "[::1]:65535"
                "PROXY UNKNOWN\r\n", ProxyHeader.Own
                "PROXY UNKNOWN ffff::1 what ever\r\n", ProxyHeader.Own
            ]
            (fun (text, header) -> parse (ascii text) =! ProxyParse.Complete(header, text.Length))

        testTheory
            "text that is no header of version 1"
            [
                "GET / HTTP/1.1\r\n"
                "PROXY\r\n"
                "PROXY \r\n"
                "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"
                "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"
                "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n"
                "PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"
                "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"
                "PROXY TCP4 1 192.0.2.2 1 2\r\n"
                "PROXY TCP4 ::1 192.0.2.2 1 2\r\n"
                "PROXY TCP6 192.0.2.1 ::1 1 2\r\n"
                "PROXY TCP6 ::1%1 ::1 1 2\r\n"
                "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"
                "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"
                "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"
                "PROXY UNKNOWN " + String('x', 94)
            ]
            (fun text -> parse (ascii text) =! ProxyParse.Malformed)

        testCase "a line of version 1 has 107 bytes at most" (fun () ->
            let line (length: int) =
                "PROXY UNKNOWN ".PadRight(length - 2, 'x') + "\r\n"

            parse (ascii (line 107)) =! ProxyParse.Complete(ProxyHeader.Own, 107)
            parse (ascii (line 108)) =! ProxyParse.Malformed)

        testTheory
            "headers of version 2 without addresses of streams"
            [
                0x20, 0x00, 0
                0x20, 0x11, 12
                0x21, 0x00, 0
                0x21, 0x12, 12
                0x21, 0x31, 216
                0x21, 0x32, 216
                0x21, 0x01, 0
                0x21, 0x20, 36
                0x20, 0x4F, 3
            ]
            (fun (command, family, length) ->
                parse (binary command family (Array.zeroCreate length))
                =! ProxyParse.Complete(ProxyHeader.Own, 16 + length))

        testTheory
            "headers of version 2 that break the rules"
            [
                0x22, 0x11, 12
                0x11, 0x11, 12
                0x31, 0x11, 12
                0x21, 0x11, 11
                0x21, 0x21, 35
                0x21, 0x11, 4081
                0x21, 0x41, 216
                0x21, 0xF0, 0
                0x21, 0x13, 12
                0x21, 0x0F, 0
            ]
            (fun (command, family, length) ->
                parse (binary command family (Array.zeroCreate length)) =! ProxyParse.Malformed)

        testCase "extensions after the addresses are skipped, up to the limit" (fun () ->
            let source, destination = endPoint "192.0.2.1:1", endPoint "192.0.2.2:2"
            let rest = Array.append (addresses source destination) (Array.zeroCreate 4068)

            parse (binary 0x21 0x11 rest)
            =! ProxyParse.Complete(ProxyHeader.Proxied(source, destination), ProxyProtocol.MaxLength))

        testProperty "every header comes back, whatever follows, and every cut of it is incomplete"
        <| Prop.forAll (Arb.fromGen (Gen.zip ends noise)) (fun ((source, destination), rest) ->
            for bytes in [ version1 source destination; version2 source destination ] do
                parse (Array.append bytes rest)
                =! ProxyParse.Complete(ProxyHeader.Proxied(source, destination), bytes.Length)

                for length in 0 .. bytes.Length - 1 do
                    parse bytes[.. length - 1] =! ProxyParse.Incomplete)

        testProperty "no bytes make it throw, and what is malformed stays so"
        <| Prop.forAll (Arb.fromGen (Gen.zip noise noise)) (fun (start, rest) ->
            for prefix in [ [||]; "PROXY "B; "PROXY TCP4 "B; signature ] do
                let bytes = Array.append prefix start

                match parse bytes with
                | ProxyParse.Malformed -> parse (Array.append bytes rest) =! ProxyParse.Malformed
                | ProxyParse.Complete(_, consumed) -> test <@ consumed <= bytes.Length @>
                | ProxyParse.Incomplete -> ())
    ]

let private hop (text: string) : IPEndPoint | null =
    match text with
    | "-" -> null
    | _ -> endPoint text

/// Hops with blanks between them, "-" for an unknown one.
let private hops (text: string) =
    text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
    |> List.ofArray
    |> List.map hop

[<Tests>]
let forwarded =
    testList "headers of proxies" [
        testTheory
            "X-Forwarded-For, the nearest hop first"
            [
                [], ""
                [ "" ], ""
                [ "192.0.2.1" ], "192.0.2.1"
                [ "192.0.2.1, 198.51.100.2:80" ], "198.51.100.2:80 192.0.2.1"
                [ "192.0.2.1"; "198.51.100.2" ], "198.51.100.2 192.0.2.1"
                [ "2001:db8::1,[2001:db8::2], [2001:db8::3]:443" ],
                "[2001:db8::3]:443 [2001:db8::2] [2001:db8::1]"
                [ " , 192.0.2.1 ,, \t192.0.2.2" ], "192.0.2.2 192.0.2.1"
                [
                    "unknown, _hidden, 1, 127.1, 0x7f.0.0.1, 192.0.2.01, 192.0.2.1:, 192.0.2.1:65536, ::1%lo, [::1, [::1]x, x"
                ],
                "- - - - - - - - - - - -"
            ]
            (fun (values, expected) -> List.ofSeq (Forwarded.parseXForwardedFor values) =! hops expected)

        testTheory
            "Forwarded, the nearest hop first"
            [
                [ "for=192.0.2.60;proto=http;by=203.0.113.43" ], "192.0.2.60"
                [ "For=\"[2001:db8:cafe::17]:4711\"" ], "[2001:db8:cafe::17]:4711"
                [ "for=192.0.2.43, for=\"198.51.100.17:80\";by=x" ], "198.51.100.17:80 192.0.2.43"
                [ "for=192.0.2.43"; "proto=https ; for=198.51.100.17" ], "198.51.100.17 192.0.2.43"
                [ "for=unknown,for=\"_gazonk\", by=192.0.2.1" ], "- - -"
                [ "for=\"192.0.2.\\1\"" ], "192.0.2.1"
                [ "for=[2001:db8::1]:80" ], "[2001:db8::1]:80"
                [ "for=2001:db8::1" ], "-"
                [], ""
                [ "" ], ""
                [ " ,;, for=192.0.2.1;; ,,"; "for=192.0.2.2;" ], "192.0.2.2 192.0.2.1"
            ]
            (fun (values, expected) -> List.ofSeq (Forwarded.parseForwarded values) =! hops expected)

        testTheory
            "a line of Forwarded that breaks the grammar is an unknown hop, so that a client can't hide or invent one"
            [
                "for"
                "for="
                "for=\"192.0.2.1"
                "for=\"x, for=192.0.2.1"
                "for=x\", for=\"192.0.2.1\""
                "for = 192.0.2.1"
                "for=192.0.2.1 for=192.0.2.2"
                "=192.0.2.1"
            ]
            (fun value ->
                List.ofSeq (Forwarded.parseForwarded [ value ]) =! hops "-"

                Forwarded.parseForwarded [ "for=192.0.2.1"; value; "for=192.0.2.2, for=192.0.2.3" ]
                |> List.ofSeq
                =! hops "192.0.2.3 192.0.2.2 - 192.0.2.1"

                // What a trusted proxy wrote after it counts.
                let trusted = IPAddress.Parse "192.0.2.3"

                Forwarded.parseForwarded [ value; "for=192.0.2.2, for=192.0.2.3" ]
                |> Forwarded.findClient (Func<_, _>(fun address -> address = trusted))
                =! hop "192.0.2.2")

        testTheory
            "the client is the nearest hop that is not trusted"
            [
                "", "-"
                "203.0.113.9:5", "203.0.113.9:5"
                "203.0.113.9 192.0.2.66", "203.0.113.9"
                "10.0.0.1 203.0.113.9 192.0.2.66", "203.0.113.9"
                "10.0.0.1 10.0.0.2", "10.0.0.2"
                "10.0.0.1 - 192.0.2.66", "10.0.0.1"
                "- 192.0.2.66", "-"
            ]
            (fun (chain, client) ->
                let trusted = IPNetwork.Parse "10.0.0.0/8"
                Forwarded.findClient (Func<_, _> trusted.Contains) (hops chain) =! hop client)

        testProperty "no text makes them throw"
        <| Prop.forAll (Arb.fromGen (Gen.listOf noise)) (fun values ->
            let texts = values |> List.map Encoding.Latin1.GetString
            Forwarded.parseXForwardedFor texts |> ignore
            Forwarded.parseForwarded texts |> ignore

            for text in texts do
                Forwarded.parseForwarded [ "for=\"" + text; "for=" + text + ";x=\"" + text + "\"" ]
                |> ignore)

        testProperty "whatever a client writes before it, the hop that a trusted proxy adds is the nearest"
        <| Prop.forAll (Arb.fromGen noise) (fun bytes ->
            let written = Encoding.Latin1.GetString bytes
            let client = endPoint "203.0.113.9:0"
            let found = Forwarded.parseXForwardedFor [ written; "203.0.113.9" ]
            found[0] =! client

            (Forwarded.parseForwarded [ written; "for=203.0.113.9" ])[0] =! client)
    ]
