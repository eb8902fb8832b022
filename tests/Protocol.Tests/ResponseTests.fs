module FunctionalWs.Protocol.Tests.ResponseTests

open System
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private now = DateTimeOffset(2026, 11, 5, 10, 0, 0, TimeSpan.FromHours 2.0)
let private date = "Thu, 05 Nov 2026 08:00:00 GMT"

let private fields (response: Response) = [ for field in response.Headers -> field.Key, field.Value ]

let private text (response: Response) =
    Encoding.UTF8.GetString response.Body.Span

let private complete (method: string) (response: Response) =
    Answer.complete "FunctionalWs" now method response

/// CR, LF, NUL, and a character that would become LF if it were cut to a byte.
let private splitters = [ "a\r\nb: c"; "a\nb"; "a\rb"; "a\000"; "a\u010Ab"; "\u4E0A" ]

[<Tests>]
let making =
    testList "making responses" [
        testCase "a text has its type, and is UTF-8" (fun () ->
            let response = Response.Text(200, "grüße")
            (response.StatusCode, response.ReasonPhrase) =! (200, "OK")
            fields response =! [ "Content-Type", "text/plain; charset=utf-8" ]
            response.Body.Length =! 7
            text response =! "grüße")

        testCase "bytes have the type that is given" (fun () ->
            let response = Response.Bytes(200, ReadOnlyMemory "<p>"B, "text/html")
            fields response =! [ "Content-Type", "text/html" ]
            text response =! "<p>")

        testCase "a redirection has its place" (fun () ->
            let response = Response.Redirect "/there"
            response.StatusCode =! 302
            response.Headers.Get "Location" =! "/there"
            Response.Redirect("/there", 308).ReasonPhrase =! "Permanent Redirect")

        testTheory "any status from 100 to 599 can be sent" [ 100; 204; 299; 304; 499; 599 ] (fun status ->
            Response.Empty(status).StatusCode =! status
            Response.Text(status, "").StatusCode =! status)

        testTheory "no other can" [ -1; 0; 99; 600; 1000 ] (fun status ->
            raisesWith<ArgumentOutOfRangeException> <@ Response.Empty status @> (fun error ->
                <@ error.Message.Contains "from 100 to 599" && (error.ActualValue :?> int) = status @>))

        testTheory "a status that has no body takes none" [ 100; 101; 199; 204; 304 ] (fun status ->
            raises<ArgumentException> <@ Response.Text(status, "x") @>
            raises<ArgumentException> <@ Response.Bytes(status, ReadOnlyMemory "x"B, "a/b") @>
            raises<ArgumentException> <@ Response.Empty(status).WithBody(ReadOnlyMemory "x"B) @>)

        testTheory "a redirection is from 300 to 399" [ 299; 400 ] (fun status ->
            raises<ArgumentOutOfRangeException> <@ Response.Redirect("/", status) @>)

        testCase "every change gives a new response" (fun () ->
            let response = Response.Text(200, "x").WithHeader("A", "1")
            let added = response.WithAddedHeader("a", "2")
            List.ofSeq (added.Headers.GetAll "A") =! [ "1"; "2" ]
            List.ofSeq (added.WithHeader("A", "3").Headers.GetAll "A") =! [ "3" ]
            added.WithoutHeader("a").Headers.Contains "A" =! false
            response.WithReasonPhrase("Fine").ReasonPhrase =! "Fine"
            text (response.WithBody(ReadOnlyMemory "y"B)) =! "y"
            fields response =! [ "Content-Type", "text/plain; charset=utf-8"; "A", "1" ]
            text response =! "x")

        testCase "responses are equal by what they send" (fun () ->
            Response.Text(200, "a") =! Response.Text(200, "a")
            Response.Text(200, "a").GetHashCode() =! Response.Text(200, "a").GetHashCode()
            let response = Response.Text(200, "a")

            for other in
                [
                    Response.Text(201, "a")
                    Response.Text(200, "b")
                    response.WithReasonPhrase "Fine"
                    response.WithHeader("A", "b")
                ] do
                test <@ other <> response && not (response.Equals null) @>)

        testCase "a response can be read" (fun () ->
            let found = Response.Text(404, "abc")

            $"{found}" =! "404 Not Found\nContent-Type: text/plain; charset=utf-8\n3 bytes"

            $"%A{Response.Empty 299}" =! "299")

        testCase "null is refused with its name" (fun () ->
            let none = Unchecked.defaultof<string>
            let response = Response.Empty 200
            let named (name: string) (error: ArgumentNullException) = <@ error.ParamName = name @>
            raisesWith<ArgumentNullException> <@ Response.Text(200, none) @> (named "text")
            raisesWith<ArgumentNullException> <@ Response.Redirect none @> (named "location")

            raisesWith<ArgumentNullException>
                <@ Response.Bytes(200, ReadOnlyMemory.Empty, none) @>
                (named "contentType")

            raisesWith<ArgumentNullException> <@ response.WithReasonPhrase none @> (named "reasonPhrase")
            raisesWith<ArgumentNullException> <@ response.WithHeader(none, "a") @> (named "name")

            raisesWith<ArgumentNullException>
                <@ response.WithHeaders Unchecked.defaultof<Headers> @>
                (named "headers"))

        testTheory "H15: what could break a line is refused when it is set" splitters (fun bad ->
            let response = Response.Text(200, "")
            raises<ArgumentException> <@ response.WithHeader("A", bad) @>
            raises<ArgumentException> <@ response.WithHeader(bad, "a") @>
            raises<ArgumentException> <@ response.WithAddedHeader("A", bad) @>
            raises<ArgumentException> <@ response.WithAddedHeader(bad, "a") @>
            raises<ArgumentException> <@ response.WithReasonPhrase bad @>
            raises<ArgumentException> <@ Response.Redirect bad @>
            raises<ArgumentException> <@ Response.Bytes(200, ReadOnlyMemory.Empty, bad) @>
            raises<ArgumentException> <@ Headers.Create [ Collections.Generic.KeyValuePair("A", bad) ] @>)

        testTheory "a header's name is a token" [ ""; " "; "a b"; "a:"; "é" ] (fun name ->
            raises<ArgumentException> <@ Response.Empty(200).WithHeader(name, "x") @>)
    ]

[<Tests>]
let completing =
    testList "completing responses" [
        testCase "what is missing is added, in order" (fun () ->
            fields (complete "GET" (Response.Text(200, "four").WithHeader("A", "b")))
            =! [
                "Date", date
                "Connection", "close"
                "Content-Length", "4"
                "Content-Type", "text/plain; charset=utf-8"
                "A", "b"
                "Server", "FunctionalWs"
            ])

        testCase "a date and a server's name of its own are kept" (fun () ->
            let response =
                Response.Empty(410).WithHeader("Server", "mine").WithHeader("Date", "today")

            fields (complete "GET" response)
            =! [
                "Date", "today"
                "Connection", "close"
                "Content-Length", "0"
                "Server", "mine"
            ])

        testCase "the framing is the body's, whatever was set" (fun () ->
            let response =
                Response
                    .Text(200, "four")
                    .WithHeader("content-length", "99")
                    .WithAddedHeader("Content-Length", "98")
                    .WithHeader("Transfer-Encoding", "chunked")
                    .WithHeader("Connection", "keep-alive")

            let framed = Answer.frame "GET" response
            List.ofSeq (framed.Headers.GetAll "Content-Length") =! [ "4" ]
            List.ofSeq (framed.Headers.GetAll "Connection") =! [ "close" ]
            framed.Headers.Contains "Transfer-Encoding" =! false)

        testCase "an upgrade that is told of is among the connection's options (RFC 9110 §7.8)" (fun () ->
            let framed =
                Answer.frame "GET" (Response.Text(426, "x").WithHeader("upgrade", "websocket"))

            framed.Headers.Get "Connection" =! "close, Upgrade"
            Answer.frame "GET" framed =! framed)

        testCase "a server's name that no header can have is refused" (fun () ->
            raises<ArgumentException> <@ Answer.complete "a\r\nb" now "GET" (Response.Empty 200) @>)

        testCase "HEAD gets the length and no body" (fun () ->
            let framed = Answer.frame "HEAD" (Response.Text(200, "four"))
            (framed.Headers.Get "Content-Length", framed.Body.Length) =! ("4", 0)
            Answer.frame "HEAD" framed =! framed
            let told = Response.Empty(200).WithHeader("Content-Length", "1234")
            (Answer.frame "HEAD" told).Headers.Get "Content-Length" =! "1234")

        testTheory "a status without a body tells no length" [ 100; 204; 304 ] (fun status ->
            fields (Answer.frame "GET" (Response.Empty(status).WithHeader("Content-Length", "0")))
            =! [ "Connection", "close" ])

        testCase "the response that opens a connection is left as it is" (fun () ->
            let opening = Response.Empty(101).WithHeader("Connection", "Upgrade")
            Answer.frame "GET" opening =! opening)

        testProperty "doing it twice changes nothing" (fun (status: uint16) (body: byte[]) (isHead: bool) ->
            let status = 100 + int status % 500

            let body = if StatusCode.isBodiless status then [||] else body

            let method = if isHead then "HEAD" else "GET"
            let once = complete method (Response.Empty(status).WithBody(ReadOnlyMemory body))
            fields (complete method once) = fields once)
    ]

/// The registered codes with their phrases (IANA, Hypertext Transfer Protocol (HTTP) Status Code Registry).
let private registered = [
    100, "Continue"
    101, "Switching Protocols"
    102, "Processing"
    103, "Early Hints"
    104, "Upload Resumption Supported"
    200, "OK"
    201, "Created"
    202, "Accepted"
    203, "Non-Authoritative Information"
    204, "No Content"
    205, "Reset Content"
    206, "Partial Content"
    207, "Multi-Status"
    208, "Already Reported"
    226, "IM Used"
    300, "Multiple Choices"
    301, "Moved Permanently"
    302, "Found"
    303, "See Other"
    304, "Not Modified"
    305, "Use Proxy"
    307, "Temporary Redirect"
    308, "Permanent Redirect"
    400, "Bad Request"
    401, "Unauthorized"
    402, "Payment Required"
    403, "Forbidden"
    404, "Not Found"
    405, "Method Not Allowed"
    406, "Not Acceptable"
    407, "Proxy Authentication Required"
    408, "Request Timeout"
    409, "Conflict"
    410, "Gone"
    411, "Length Required"
    412, "Precondition Failed"
    413, "Content Too Large"
    414, "URI Too Long"
    415, "Unsupported Media Type"
    416, "Range Not Satisfiable"
    417, "Expectation Failed"
    421, "Misdirected Request"
    422, "Unprocessable Content"
    423, "Locked"
    424, "Failed Dependency"
    425, "Too Early"
    426, "Upgrade Required"
    428, "Precondition Required"
    429, "Too Many Requests"
    431, "Request Header Fields Too Large"
    451, "Unavailable For Legal Reasons"
    500, "Internal Server Error"
    501, "Not Implemented"
    502, "Bad Gateway"
    503, "Service Unavailable"
    504, "Gateway Timeout"
    505, "HTTP Version Not Supported"
    506, "Variant Also Negotiates"
    507, "Insufficient Storage"
    508, "Loop Detected"
    510, "Not Extended"
    511, "Network Authentication Required"
]

[<Tests>]
let phrases =
    testList "reason phrases" [
        testCase
            "of all registered status codes are those that are registered, and there are no others"
            (fun () ->
                [
                    for code in -1 .. 1_000 do
                        let phrase = StatusCode.reasonPhrase code

                        if phrase <> "" then
                            code, phrase
                ]
                =! registered)
    ]
