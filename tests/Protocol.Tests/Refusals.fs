/// What is answered to each request that opens no connection, byte for byte: for the core, and for servers on sockets.
module FunctionalWs.Protocol.Tests.Refusals

/// A request, and what is answered: a status line, the header lines that only this answer has, and a body.
[<StructuredFormatDisplay "{Body}">]
type Refusal = {
    Request: string
    Status: string
    Hints: string list
    Body: string
} with

    /// The whole response of a server that is asked at some date.
    member refusal.Expected(date: string) : string =
        let lines = [
            $"HTTP/1.1 {refusal.Status}"
            $"Date: {date}"
            if refusal.Status.StartsWith("426", System.StringComparison.Ordinal) then
                "Connection: close, Upgrade"
            else
                "Connection: close"
            $"Content-Length: {System.Text.Encoding.UTF8.GetByteCount refusal.Body + 1}"
            "Content-Type: text/plain; charset=utf-8"
            yield! refusal.Hints
            "Server: FunctionalWs"
        ]

        String.concat "\r\n" lines + "\r\n\r\n" + refusal.Body + "\n"

/// The origin that may connect, beside none at all.
let origin = "https://good.example"

/// The subprotocols of the server.
let subprotocols = [ "v2.chat"; "v1.chat" ]

let private headers = [
    "Host", "example.com"
    "Upgrade", "websocket"
    "Connection", "Upgrade"
    "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="
    "Sec-WebSocket-Version", "13"
    "Sec-WebSocket-Protocol", "v1.chat"
]

let private write (line: string) (headers: (string * string) list) : string =
    let lines = [ for name, value in headers -> $"{name}: {value}" ]
    String.concat "\r\n" (line :: lines) + "\r\n\r\n"

let private line = "GET /chat HTTP/1.1"

/// The good request with one header line changed, or left out when there is no value.
let private set (name: string) (value: string option) =
    write line [
        for field, current in headers do
            if field <> name then
                field, current

        for value in Option.toList value do
            name, value
    ]

let private add (name: string) (value: string) = write line (headers @ [ name, value ])

let private refused status hints body request = {
    Request = request
    Status = status
    Hints = hints
    Body = $"The WebSocket connection could not be opened. {body}"
}

let private bad = refused "400 Bad Request" []

let private upgrade body =
    refused
        "426 Upgrade Required"
        [ "Upgrade: websocket" ]
        $"{body}\nThis is a WebSocket server: a WebSocket client is needed."

let private version = refused "400 Bad Request" [ "Sec-WebSocket-Version: 13" ]

let private long = String.replicate 8_200 "x"

/// One or more for each rule.
let all: Refusal list = [
    write "POST /chat HTTP/1.1" headers
    |> refused
        "405 Method Not Allowed"
        [ "Allow: GET" ]
        "The method is 'POST'; a WebSocket is opened with GET."
    write "GET /chat HTTP/1.0" headers
    |> refused "505 HTTP Version Not Supported" [] "The version is 'HTTP/1.0'; a WebSocket needs HTTP/1.1."
    write "GET chat HTTP/1.1" headers |> bad "The target 'chat' is not valid."
    write "GET http://user@example.com/ HTTP/1.1" headers
    |> bad "This is no valid host: 'user@example.com'."
    set "Host" None |> bad "The header Host is missing."
    add "Host" "example.com" |> bad "The header Host comes more than once."
    set "Host" (Some "a b") |> bad "This is no valid host: 'a b'."
    set "Connection" None |> upgrade "The header Connection is missing."
    set "Connection" (Some "close")
    |> upgrade "The header Connection doesn't ask for a WebSocket: 'close'."
    set "Connection" (Some "a;b")
    |> bad "The header Connection needs a comma at position 1 of 'a;b'."
    set "Upgrade" None |> upgrade "The header Upgrade is missing."
    set "Upgrade" (Some "h2c")
    |> upgrade "The header Upgrade doesn't ask for a WebSocket: 'h2c'."
    set "Upgrade" (Some "web socket")
    |> bad "The header Upgrade needs a comma at position 4 of 'web socket'."
    set "Sec-WebSocket-Key" None |> bad "The header Sec-WebSocket-Key is missing."
    add "Sec-WebSocket-Key" "dGhlIHNhbXBsZSBub25jZQ=="
    |> bad "The header Sec-WebSocket-Key comes more than once."
    set "Sec-WebSocket-Key" (Some "short")
    |> bad "The header Sec-WebSocket-Key is not 16 bytes in Base64: 'short'."
    set "Sec-WebSocket-Version" None
    |> version "The header Sec-WebSocket-Version is missing."
    add "Sec-WebSocket-Version" "13"
    |> bad "The header Sec-WebSocket-Version comes more than once."
    set "Sec-WebSocket-Version" (Some "8")
    |> version "The header Sec-WebSocket-Version is not 13: '8'."
    add "Origin" "https://evil.example"
    |> refused "403 Forbidden" [] "The origin 'https://evil.example' is not allowed."
    write line (headers @ [ "Origin", origin; "Origin", origin ])
    |> bad "The header Origin comes more than once."
    set "Sec-WebSocket-Protocol" None
    |> bad "One of these subprotocols is needed: v2.chat, v1.chat."
    set "Sec-WebSocket-Protocol" (Some "v3.chat")
    |> bad "One of these subprotocols is needed: v2.chat, v1.chat."
    set "Sec-WebSocket-Protocol" (Some "a;b")
    |> bad "The header Sec-WebSocket-Protocol needs a comma at position 1 of 'a;b'."
    write $"GET /{long} HTTP/1.1" headers
    |> refused "414 URI Too Long" [] "The first line takes more than 8192 bytes."
    add "X" long
    |> refused "431 Request Header Fields Too Large" [] "A header line takes more than 8192 bytes."
    write line (List.replicate 129 ("X", "y"))
    |> refused "431 Request Header Fields Too Large" [] "There are more than 128 header lines."
    write line [
        for i in 1..9 do
            "X", String.replicate 8_000 "y"
    ]
    |> refused "431 Request Header Fields Too Large" [] "The head takes more than 65536 bytes."
    write "GET /chat" headers
    |> bad "The first line 'GET /chat' is not one of HTTP/1.1."
    write "GET /chat HTTP/2.0" headers
    |> refused "505 HTTP Version Not Supported" [] "The version is 'HTTP/2.0'; HTTP/1.1 is needed."
    write $"{line}\nHost: example.com" []
    |> bad "A line doesn't end with CR and LF."
    add "Cookie " "secret" |> bad "A line of 15 characters is no header."
    add "Cookie" "secret\000"
    |> bad "A line of 15 characters is no header: the value of 'Cookie' has a control character."
    add "Content-Length" "1"
    |> refused "413 Content Too Large" [] "A body can't be sent: Content-Length is '1'."
    add "Content-Length" "x" |> bad "Content-Length is no number: 'x'."
    add "Transfer-Encoding" "chunked"
    |> refused "501 Not Implemented" [] "A body can't be sent: Transfer-Encoding is 'chunked'."
    add "Transfer-Encoding" "chunked, gzip"
    |> bad "A body has no end: Transfer-Encoding is 'chunked, gzip'."
]
