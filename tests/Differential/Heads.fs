/// Heads of opening handshakes, right ones and others.
module FunctionalWs.Differential.Heads

open System
open System.Text
open FunctionalWs.Fuzz

let private fields = [
    "Host", "example.com"
    "Upgrade", "websocket"
    "Connection", "Upgrade"
    "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="
    "Sec-WebSocket-Version", "13"
]

let private bytesOf (line: string) (fields: (string * string) list) : byte[] =
    let text = StringBuilder(line).Append("\r\n")

    for name, value in fields do
        text.Append(name).Append(": ").Append(value).Append("\r\n") |> ignore

    Encoding.Latin1.GetBytes(text.Append("\r\n").ToString())

let private offer (isCompressed: bool) : (string * string) list =
    if isCompressed then
        [ "Sec-WebSocket-Extensions", "permessage-deflate" ]
    else
        []

/// A head that keeps the rules; the target is `/` and the stream's id.
let right (id: string) (isCompressed: bool) : byte[] =
    bytesOf $"GET /{id} HTTP/1.1" (fields @ offer isCompressed)

let private change (name: string) (value: string) =
    fields
    |> List.map (fun (other, old) -> other, (if other = name then value else old))

let private without (name: string) =
    fields |> List.filter (fun (other, _) -> other <> name)

let private twice (name: string) (value: string) = fields @ [ name, value ]

let private get (id: string) = $"GET /{id} HTTP/1.1"

let private variants: (string * (string -> byte[])) array = [|
    "no Host", (fun id -> bytesOf (get id) (without "Host"))
    "two Hosts", (fun id -> bytesOf (get id) (twice "Host" "example.org"))
    "empty Host", (fun id -> bytesOf (get id) (change "Host" ""))
    "Host is no host", (fun id -> bytesOf (get id) (change "Host" "a b"))
    "no Upgrade", (fun id -> bytesOf (get id) (without "Upgrade"))
    "Upgrade to something else", (fun id -> bytesOf (get id) (change "Upgrade" "h2c"))
    "Upgrade in capitals", (fun id -> bytesOf (get id) (change "Upgrade" "WEBSOCKET"))
    "Upgrade lists more", (fun id -> bytesOf (get id) (change "Upgrade" "h2c, websocket"))
    "no Connection", (fun id -> bytesOf (get id) (without "Connection"))
    "Connection without Upgrade", (fun id -> bytesOf (get id) (change "Connection" "keep-alive"))
    "Connection lists more", (fun id -> bytesOf (get id) (change "Connection" "keep-alive, upgrade"))
    "no key", (fun id -> bytesOf (get id) (without "Sec-WebSocket-Key"))
    "two keys", (fun id -> bytesOf (get id) (twice "Sec-WebSocket-Key" "AAAAAAAAAAAAAAAAAAAAAA=="))
    "short key", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub24="))
    "long key", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZWFi"))
    "key is no Base64", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Key" "*GhlIHNhbXBsZSBub25jZQ=="))
    "key with bits left over",
    (fun id -> bytesOf (get id) (change "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZR=="))
    "no version", (fun id -> bytesOf (get id) (without "Sec-WebSocket-Version"))
    "version 8", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Version" "8"))
    "version 12", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Version" "12"))
    "two versions", (fun id -> bytesOf (get id) (twice "Sec-WebSocket-Version" "13"))
    "version lists more", (fun id -> bytesOf (get id) (change "Sec-WebSocket-Version" "13, 8"))
    "POST", (fun id -> bytesOf $"POST /{id} HTTP/1.1" fields)
    "HEAD", (fun id -> bytesOf $"HEAD /{id} HTTP/1.1" fields)
    "get in small letters", (fun id -> bytesOf $"get /{id} HTTP/1.1" fields)
    "HTTP/1.0", (fun id -> bytesOf $"GET /{id} HTTP/1.0" fields)
    "HTTP/1.2", (fun id -> bytesOf $"GET /{id} HTTP/1.2" fields)
    "HTTP/2.0", (fun id -> bytesOf $"GET /{id} HTTP/2.0" fields)
    "no HTTP version", (fun id -> bytesOf $"GET /{id}" fields)
    "fragment in target", (fun id -> bytesOf $"GET /x#/{id} HTTP/1.1" fields)
    "absolute target", (fun id -> bytesOf $"GET http://example.com/{id} HTTP/1.1" fields)
    "relative target", (fun id -> bytesOf $"GET {id} HTTP/1.1" fields)
    "space before colon", (fun id -> bytesOf (get id) (fields @ [ "X-A ", "1" ]))
    "folded header", (fun id -> bytesOf (get id) (fields @ [ "X-A", "1\r\n 2" ]))
    "NUL in header", (fun id -> bytesOf (get id) (fields @ [ "X-A", "1\u00002" ]))
    "lone CR in header", (fun id -> bytesOf (get id) (fields @ [ "X-A", "1\r2" ]))
    "no header name", (fun id -> bytesOf (get id) (fields @ [ "", "1" ]))
    "header name is no token", (fun id -> bytesOf (get id) (fields @ [ "X(A)", "1" ]))
    "high byte in header", (fun id -> bytesOf (get id) (fields @ [ "X-A", "\u00E9" ]))
    "lines end with LF",
    (fun id -> Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(right id false).Replace("\r\n", "\n")))
    "empty line first", (fun id -> Array.append "\r\n"B (right id false))
    "cut short", (fun id -> Array.truncate 100 (right id false))
    "body announced", (fun id -> bytesOf (get id) (fields @ [ "Content-Length", "5" ]))
    "no body announced", (fun id -> bytesOf (get id) (fields @ [ "Content-Length", "0" ]))
    "chunked body", (fun id -> bytesOf (get id) (fields @ [ "Transfer-Encoding", "chunked" ]))
    "extensions are no list", (fun id -> bytesOf (get id) (fields @ [ "Sec-WebSocket-Extensions", "a;;b" ]))
    "unknown extension",
    (fun id -> bytesOf (get id) (fields @ [ "Sec-WebSocket-Extensions", "x-unknown; a=1" ]))
    "unknown parameter",
    (fun id -> bytesOf (get id) (fields @ [ "Sec-WebSocket-Extensions", "permessage-deflate; x-unknown" ]))
    "window of 7 bits",
    (fun id ->
        bytesOf
            (get id)
            (fields
             @ [ "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=7" ]))
    "parameter twice",
    (fun id ->
        bytesOf
            (get id)
            (fields
             @ [
                 "Sec-WebSocket-Extensions",
                 "permessage-deflate; server_no_context_takeover; server_no_context_takeover"
             ]))
    "subprotocols are no list", (fun id -> bytesOf (get id) (fields @ [ "Sec-WebSocket-Protocol", "a b" ]))
    "unknown subprotocol", (fun id -> bytesOf (get id) (fields @ [ "Sec-WebSocket-Protocol", "x-unknown" ]))
    "TLS", (fun _ -> Convert.FromHexString "16030100050100000100")
    "frames at once", (fun _ -> Convert.FromHexString "81857F9F4D5137F0213D58")
|]

/// Another head, and what is the matter with it.
let other (dice: Dice) (id: string) : string * byte[] =
    let name, make = dice.Pick variants
    name, make id
