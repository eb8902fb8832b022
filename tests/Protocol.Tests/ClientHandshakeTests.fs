module FunctionalWs.Protocol.Tests.ClientHandshakeTests

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Protocol

let private uri (text: string) = WebSocketUri.Parse text

/// The key of RFC 6455 §1.3 in bytes: dGhlIHNhbXBsZSBub25jZQ==.
let private key = "the sample nonce"B

let private plain = ClientOffer.Default.WithoutHeader "User-Agent"

let private requestFor (offer: ClientOffer) (target: string) =
    ClientHandshake.request (ReadOnlySpan key) offer (uri target)

let private lines (headers: Headers) = [ for field in headers -> $"{field.Key}: {field.Value}" ]

let private text (request: Request) =
    let writer = ArrayBufferWriter<byte>()
    request.WriteTo writer
    Encoding.Latin1.GetString writer.WrittenSpan

let private head (status: int) (fields: (string * string) list) : ResponseHead = {
    Version = "HTTP/1.1"
    StatusCode = status
    ReasonPhrase = ""
    Headers = Headers.Create [ for name, value in fields -> KeyValuePair(name, value) ]
}

/// The answer of RFC 6455 §1.3, changed: a field with a value of its own, several, or none.
let private answer (changes: (string * string list) list) : ResponseHead =
    let fields = [
        "Upgrade", [ "websocket" ]
        "Connection", [ "Upgrade" ]
        "Sec-WebSocket-Accept", [ "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ]
    ]

    let isChanged (name: string) = List.exists (fst >> (=) name) changes

    head 101 [
        for name, values in List.filter (fst >> isChanged >> not) fields @ changes do
            for value in values do
                name, value
    ]

let private rich =
    plain.WithSubprotocols("chat", "superchat").WithCompression(DeflateOffer.Default).WithExtension("x-a")

let private check (offer: ClientOffer) (head: ResponseHead) : ClientResult =
    ClientHandshake.check (requestFor offer "ws://server.example.com/chat") head

let private agreed (offer: ClientOffer) (head: ResponseHead) : ClientAgreement =
    match check offer head with
    | ClientResult.Opened agreement -> agreement
    | other -> failwith $"%A{other}"

let private refusal (offer: ClientOffer) (head: ResponseHead) : ClientHandshakeError =
    match check offer head with
    | ClientResult.Refused error -> error
    | other -> failwith $"%A{other}"

let private argumentError (act: unit -> 'a) : ArgumentException =
    try
        act () |> ignore
        failwith "taken"
    with :? ArgumentException as error ->
        error

let private user (name: string) (password: string) : BasicCredentials = {
    Username = name
    Password = password
}

[<Tests>]
let requests =
    testList "a client's request" [
        testCase "is that of RFC 6455 §1.2 for what is asked there" (fun () ->
            let offer =
                plain.WithOrigin("http://example.com").WithSubprotocols("chat", "superchat")

            let request = requestFor offer "ws://server.example.com/chat"

            text request.Request
            =! String.concat "\r\n" [
                "GET /chat HTTP/1.1"
                "Host: server.example.com"
                "Upgrade: websocket"
                "Connection: Upgrade"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
                "Sec-WebSocket-Version: 13"
                "Origin: http://example.com"
                "Sec-WebSocket-Protocol: chat, superchat"
                ""
                ""
            ])

        testCase "offers extensions, permessage-deflate first" (fun () ->
            let offer = rich.WithExtension("x-b", { Name = "level"; Value = "9" })

            (requestFor offer "ws://h").Request.Headers.Get "Sec-WebSocket-Extensions"
            =! "permessage-deflate; client_max_window_bits, x-a, x-b; level=9"

            (requestFor (offer.WithoutCompression()) "ws://h").Request.Headers.Get "Sec-WebSocket-Extensions"
            =! "x-a, x-b; level=9")

        testCase "has the headers of the user after those of the handshake" (fun () ->
            let offer =
                ClientOffer.Default
                    .WithHeader("X-A", "1")
                    .WithAddedHeader("X-A", "2")
                    .WithHeader("User-Agent", "mine")
                    .WithHeader("X-B", "3")
                    .WithoutHeader("x-b")

            let request = requestFor offer "ws://h:81/"

            lines request.Request.Headers |> List.skip 5
            =! [ "X-A: 1"; "X-A: 2"; "User-Agent: mine" ]

            request.Request.Headers.Get "Host" =! "h:81"
            ClientOffer.Default.Headers.Get "User-Agent" =! "FunctionalWs")

        testCase "makes Basic credentials of userinfo, unless it has an Authorization" (fun () ->
            let authorization (offer: ClientOffer) (target: string) =
                List.ofSeq ((requestFor offer target).Request.Headers.GetAll "Authorization")

            authorization plain "ws://Aladdin:open%20sesame@h/"
            =! [ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" ]

            authorization plain "ws://h/" =! []

            authorization (plain.WithHeader("authorization", "Bearer x")) "ws://u:p@h/"
            =! [ "Bearer x" ]

            authorization (plain.WithCredentials(user "ü" "€")) "ws://u:p@h/"
            =! [ "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes "ü:€") ])

        testTheory
            "can't set what the handshake sets"
            [
                "Host", "the opening handshake sets it"
                "connection", "the opening handshake sets it"
                "UPGRADE", "the opening handshake sets it"
                "Sec-WebSocket-Key", "the opening handshake sets it"
                "sec-websocket-version", "the opening handshake sets it"
                "Sec-WebSocket-Accept", "the opening handshake sets it"
                "Origin", "WithOrigin"
                "Sec-WebSocket-Protocol", "WithSubprotocols"
                "Sec-WebSocket-Extensions", "WithCompression or WithExtension"
                "Proxy-Authorization", "ProxyTunnel"
                "Content-Length", "no body"
                "Transfer-Encoding", "no body"
                "TE", "no body"
                "Trailer", "no body"
                "Expect", "no body"
                "Keep-Alive", "keeps the connection"
                "Proxy-Connection", "keeps the connection"
            ]
            (fun (name, reason) ->
                for error in
                    [
                        argumentError (fun () -> plain.WithHeader(name, "x"))
                        argumentError (fun () -> plain.WithAddedHeader(name, "x"))
                    ] do
                    error.ParamName =! "name"
                    test <@ error.Message.Contains name && error.Message.Contains reason @>)

        testCase "refuses what can't be sent when it is set, by the parameter's name" (fun () ->
            let parameter (act: unit -> ClientOffer) = (argumentError act).ParamName

            parameter (fun () -> plain.WithHeader("a b", "x")) =! "name"
            parameter (fun () -> plain.WithHeader("a", "x\r\ny")) =! "value"
            parameter (fun () -> plain.WithOrigin "") =! "origin"
            parameter (fun () -> plain.WithOrigin "https://a b") =! "origin"
            parameter (fun () -> plain.WithOrigin "https://bücher") =! "origin"
            parameter (fun () -> plain.WithSubprotocols("chat", "a b")) =! "subprotocols"
            parameter (fun () -> plain.WithSubprotocols("chat", "chat")) =! "subprotocols"
            parameter (fun () -> plain.WithCredentials(user "a:b" "")) =! "credentials"
            parameter (fun () -> plain.WithCredentials(user "a" "\n")) =! "credentials"
            parameter (fun () -> plain.WithExtension "a b") =! "name"
            parameter (fun () -> plain.WithExtension "permessage-deflate") =! "name"

            parameter (fun () -> plain.WithExtension("a", { Name = "b"; Value = "c d" }))
            =! "parameters"

            parameter (fun () -> plain.WithExtension("a", { Name = ""; Value = null }))
            =! "parameters")

        testTheory "needs a key of 16 bytes" [ 0; 15; 17 ] (fun size ->
            let error =
                argumentError (fun () ->
                    ClientHandshake.request (ReadOnlySpan(Array.zeroCreate size)) plain (uri "ws://h"))

            error.ParamName =! "key"
            test <@ error.Message.Contains(string size) && error.Message.Contains "16" @>)

        testCase "has a text without secrets, and so has an offer" (fun () ->
            let offer =
                rich
                    .WithOrigin("https://example.com")
                    .WithHeader("Cookie", "secret")
                    .WithHeader("Authorization", "Bearer secret")

            let request = requestFor offer "wss://user:secret@h/chat"
            request.ToString() =! "GET wss://h/chat HTTP/1.1"
            $"%A{request}" =! "GET wss://h/chat HTTP/1.1"

            offer.ToString()
            =! "origin: https://example.com; subprotocols: [chat, superchat]; extensions: [permessage-deflate; client_max_window_bits, x-a]; headers: [Cookie, Authorization]"

            $"%A{offer}" =! offer.ToString()
            test <@ plain.ToString().Contains "origin: none" @>)

        testCase "can do without secrets, for where another server sends it" (fun () ->
            let offer =
                plain.WithHeader("Cookie", "a").WithHeader("authorization", "b").WithHeader("X-A", "c")

            let bare = offer.WithoutSecrets()
            lines bare.Headers =! [ "X-A: c" ])
    ]

[<Tests>]
let answers =
    testList "a client's check of the answer" [
        testCase "opens the connection of RFC 6455 §1.3" (fun () ->
            let agreement = agreed rich (answer [ "Sec-WebSocket-Protocol", [ "chat" ] ])
            agreement.Subprotocol =! "chat"
            agreement.Compression =! ValueNone
            List.ofSeq agreement.Extensions =! []
            agreement.ToString() =! "subprotocol: chat; extensions: []"
            $"%A{agreement}" =! agreement.ToString()
            agreed rich (answer [ "Sec-WebSocket-Protocol", [ "chat" ] ]) =! agreement)

        testTheory
            "takes what means the same"
            [
                [ "Upgrade", [ "WebSocket" ] ]
                [ "Connection", [ "upgrade" ] ]
                [ "Connection", [ "keep-alive, Upgrade" ] ]
                [ "Connection", [ "keep-alive"; "UPGRADE" ] ]
                [ "Sec-WebSocket-Extensions", [ "" ] ]
                [ "Server", [ "x" ] ]
                [ "Content-Length", [ "0" ] ]
            ]
            (fun changes -> (agreed plain (answer changes)).Subprotocol =! null)

        testTheory
            "refuses by name what breaks a rule of RFC 6455 §4.1"
            [
                [ "Upgrade", [] ], ClientHandshakeError.HeaderMissing "Upgrade"
                [ "Upgrade", [ "h2c" ] ], ClientHandshakeError.NotUpgrade("Upgrade", "h2c")
                [ "Upgrade", [ "websocket, h2c" ] ],
                ClientHandshakeError.NotUpgrade("Upgrade", "websocket, h2c")
                [ "Upgrade", [ "websocket"; "websocket" ] ], ClientHandshakeError.HeaderRepeated "Upgrade"
                [ "Connection", [] ], ClientHandshakeError.HeaderMissing "Connection"
                [ "Connection", [ "close" ] ], ClientHandshakeError.NotUpgrade("Connection", "close")
                [ "Connection", [ "upgraded" ] ], ClientHandshakeError.NotUpgrade("Connection", "upgraded")
                [ "Connection", [ "Upgrade;" ] ],
                ClientHandshakeError.HeaderFormat(
                    "Connection",
                    "Upgrade;",
                    { Expected = "a comma"; Position = 7 }
                )
                [ "Sec-WebSocket-Accept", [] ], ClientHandshakeError.HeaderMissing "Sec-WebSocket-Accept"
                [ "Sec-WebSocket-Accept", [ "" ] ], ClientHandshakeError.Accept ""
                [ "Sec-WebSocket-Accept", [ "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=" ] ],
                ClientHandshakeError.Accept "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="
                [ "Sec-WebSocket-Accept", [ "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; "x" ] ],
                ClientHandshakeError.HeaderRepeated "Sec-WebSocket-Accept"
                [ "Sec-WebSocket-Protocol", [ "other" ] ], ClientHandshakeError.Subprotocol "other"
                [ "Sec-WebSocket-Protocol", [ "Chat" ] ], ClientHandshakeError.Subprotocol "Chat"
                [ "Sec-WebSocket-Protocol", [ "" ] ], ClientHandshakeError.Subprotocol ""
                [ "Sec-WebSocket-Protocol", [ "chat, superchat" ] ],
                ClientHandshakeError.Subprotocol "chat, superchat"
                [ "Sec-WebSocket-Protocol", [ "chat"; "chat" ] ],
                ClientHandshakeError.HeaderRepeated "Sec-WebSocket-Protocol"
                [ "Sec-WebSocket-Extensions", [ "x-other" ] ], ClientHandshakeError.Extension "x-other"
                [ "Sec-WebSocket-Extensions", [ "X-A" ] ], ClientHandshakeError.Extension "X-A"
                [ "Sec-WebSocket-Extensions", [ "x-a, x-a" ] ], ClientHandshakeError.ExtensionRepeated "x-a"
                [ "Sec-WebSocket-Extensions", [ "x-a"; "x-a" ] ], ClientHandshakeError.ExtensionRepeated "x-a"
                [ "Sec-WebSocket-Extensions", [ "permessage-deflate, permessage-deflate" ] ],
                ClientHandshakeError.ExtensionRepeated "permessage-deflate"
                [ "Sec-WebSocket-Extensions", [ "permessage-deflate; x" ] ],
                ClientHandshakeError.Deflate(DeflateRefusal.UnknownParameter "x")
                [ "Sec-WebSocket-Extensions", [ "x-a;" ] ],
                ClientHandshakeError.HeaderFormat(
                    "Sec-WebSocket-Extensions",
                    "x-a;",
                    { Expected = "a token"; Position = 4 }
                )
            ]
            (fun (changes, expected) ->
                let error = refusal rich (answer changes)
                $"%A{error}" =! $"%A{expected}"
                error.ToString() =! expected.ToString()
                test <@ error.ToString().EndsWith '.' @>)

        testCase "refuses a subprotocol and an extension where none was offered" (fun () ->
            (refusal plain (answer [ "Sec-WebSocket-Protocol", [ "chat" ] ])).ToString()
            =! "The subprotocol 'chat' was not offered."

            (refusal plain (answer [ "Sec-WebSocket-Extensions", [ "permessage-deflate" ] ])).ToString()
            =! "The extension 'permessage-deflate' was not offered.")

        testCase "refuses an answer of HTTP/1.0" (fun () ->
            let error = refusal plain { answer [] with Version = "HTTP/1.0" }
            test <@ error.ToString().Contains "HTTP/1.0" @>)

        testCase "takes over extensions with their parameters" (fun () ->
            let agreement =
                agreed
                    rich
                    (answer [
                        "Sec-WebSocket-Extensions",
                        [ "x-a; level=3"; "permessage-deflate; client_max_window_bits=10" ]
                    ])

            agreement.Compression.Value.ClientMaxWindowBits =! 10

            HeaderGrammar.renderExtensions agreement.Extensions
            =! "x-a; level=3, permessage-deflate; client_max_window_bits=10")

        testTheory
            "gives the refusals of permessage-deflate a sentence (RFC 7692 §7.1)"
            [
                DeflateRefusal.UnknownParameter "x", "It has no parameter 'x'."
                DeflateRefusal.RepeatedParameter "x", "The parameter 'x' comes more than once."
                DeflateRefusal.InvalidValue("x", "1"), "The parameter 'x' can't be '1'."
                DeflateRefusal.InvalidValue("x", null), "The parameter 'x' needs a value."
                DeflateRefusal.WindowTooSmall, "A window of 8 bits can't be made."
                DeflateRefusal.ClientMaxWindowBitsMissing, "The client's window can't be limited."
                DeflateRefusal.NotOffered "x", "The parameter 'x' was not offered."
                DeflateRefusal.Unanswered "x", "The parameter 'x' is missing in the answer."
                DeflateRefusal.WindowTooLarge("x", 12, 10), "The parameter 'x' is 12; at most 10 was offered."
            ]
            (fun (refusal, expected) -> refusal.ToString() =! expected)

        testCase "has a text, whatever comes of it" (fun () ->
            let opened = answer [ "Sec-WebSocket-Extensions", [ "x-a" ] ]

            (check rich opened).ToString() =! "opened, subprotocol: none; extensions: [x-a]"

            (check rich (head 302 [ "Location", "//u:p@h/" ])).ToString()
            =! "redirected to ws://h/"

            (check rich (head 500 [])).ToString()
            =! "refused: The server answered with status 500.")

        testTheory "follows a redirection" [ 301; 302; 303; 307; 308 ] (fun status ->
            let target (from: string) (location: string) =
                match
                    ClientHandshake.check (requestFor plain from) (head status [ "Location", location ])
                with
                | ClientResult.Redirected target ->
                    let credentials = target.Credentials |> ValueOption.map _.Username
                    target.ToString(), ValueOption.defaultValue "" credentials
                | other -> failwith $"%A{other}"

            target "ws://h/a/b?x" "c" =! ("ws://h/a/c", "")
            target "ws://h/a/b?x" "/c?y" =! ("ws://h/c?y", "")
            target "ws://h:81/a" "//other/z" =! ("ws://other/z", "")
            target "ws://h/a" "wss://other:8443/z" =! ("wss://other:8443/z", "")
            target "ws://h/a" "https://other/z" =! ("wss://other/z", "")
            target "ws://h/a" "http://other:8080/z" =! ("ws://other:8080/z", "")
            target "wss://h/a" "https://other:80/z" =! ("wss://other:80/z", "")
            target "ws://u:p@h/a" "/b" =! ("ws://h/b", "u")
            target "ws://u:p@h/a" "ws://h:80/b" =! ("ws://h/b", "u")
            target "ws://u:p@h/a" "wss://h/b" =! ("wss://h/b", "")
            target "ws://u:p@h/a" "ws://other/b" =! ("ws://other/b", "")
            target "ws://u:p@h/a" "ws://v:q@h/b" =! ("ws://h/b", "v"))

        testCase "refuses a redirection by name" (fun () ->
            let refused (from: string) (fields: (string * string) list) : string =
                match ClientHandshake.check (requestFor plain from) (head 302 fields) with
                | ClientResult.Refused error -> error.ToString()
                | other -> failwith $"%A{other}"

            let at (location: string) = [ "Location", location ]
            refused "ws://h" [] =! "The header Location is missing."

            refused "ws://h" (at "/a" @ at "/b")
            =! "The header Location comes more than once."

            refused "wss://h" (at "ws://h/a")
            =! "The server redirects from wss to ws: 'ws://h/a'."

            refused "wss://h" (at "http://h/a")
            =! "The server redirects from wss to ws: 'ws://h/a'."

            refused "ws://h" (at "mailto:x")
            =! "Status 302 redirects to what is no WebSocket. The scheme 'mailto' is neither ws nor wss."

            test <@ (refused "ws://h" (at "/a#b")).Contains "fragment" @>
            test <@ (refused "ws://h" (at "http://")).Contains "no absolute URI" @>
            test <@ (refused "ws://h" (at "//u:p%0A@h/")).Contains "password" @>)

        testTheory
            "tells another status as that"
            [ 200; 204; 300; 304; 400; 403; 404; 426; 500; 503; 999 ]
            (fun status ->
                refusal plain (head status [ "Location", "/b" ]) |> string
                =! $"The server answered with status {status}.")

        testCase "gives the challenges of 401 and 407" (fun () ->
            let challenges status fields =
                match refusal plain (head status fields) with
                | ClientHandshakeError.AuthenticationRequired(found, challenges) ->
                    found =! status

                    [
                        for challenge in challenges ->
                            challenge.Scheme,
                            challenge.Token |> ValueOption.ofObj |> ValueOption.defaultValue "",
                            [ for pair in challenge.Parameters -> pair.Key, pair.Value ]
                    ]
                | other -> failwith $"%A{other}"

            challenges 401 [ "WWW-Authenticate", "Basic realm=\"a \\\"b\\\"\", charset=\"UTF-8\"" ]
            =! [ "Basic", "", [ "realm", "a \"b\""; "charset", "UTF-8" ] ]

            challenges 407 [
                "Proxy-Authenticate", "Negotiate, Basic realm=x"
                "Proxy-Authenticate", "NTLM TlRMTVNTUAAC=="
            ]
            =! [
                "Negotiate", "", []
                "Basic", "", [ "realm", "x" ]
                "NTLM", "TlRMTVNTUAAC==", []
            ]

            challenges 401 [
                "WWW-Authenticate",
                "Digest realm = \"r\" , nonce=n,, Bearer , , Newauth token68, Basic Realm=\"y\""
                "Proxy-Authenticate", "Basic realm=x"
            ]
            =! [
                "Digest", "", [ "realm", "r"; "nonce", "n" ]
                "Bearer", "", []
                "Newauth", "token68", []
                "Basic", "", [ "Realm", "y" ]
            ]

            challenges 401 [] =! []
            challenges 401 [ "WWW-Authenticate", "\"x\"" ] =! []
            challenges 401 [ "WWW-Authenticate", "Basic realm=\"x" ] =! [ "Basic", "", [] ]

            challenges 401 [ "WWW-Authenticate", "Basic realm=\"x\\" ]
            =! [ "Basic", "", [] ]

            challenges 401 [ "WWW-Authenticate", "Basic a=(x" ] =! [ "Basic", "", [] ]

            challenges 401 [ "WWW-Authenticate", "Basic/x, Digest a=b" ]
            =! [ "Basic", "", [] ]

            challenges 401 [ "WWW-Authenticate", "Basic a=b c=d, Digest a=b" ]
            =! [ "Basic", "", [ "a", "b" ] ]

            challenges 401 [ "WWW-Authenticate", "Basic realm=" ]
            =! [ "Basic", "realm=", [] ])

        testCase "finds a parameter of a challenge, and shows its realm" (fun () ->
            match refusal plain (head 401 [ "WWW-Authenticate", "Basic Realm=\"x\ty\", Negotiate" ]) with
            | ClientHandshakeError.AuthenticationRequired(_, challenges) as error ->
                let challenges = challenges :> IReadOnlyList<AuthChallenge>
                challenges.Count =! 2
                let basic, negotiate = challenges[0], challenges[1]
                basic.Find "realm" =! "x\ty"
                basic.Find "charset" =! null
                basic.ToString() =! "Basic 'x\\u0009y'"
                $"%A{negotiate}" =! "Negotiate"
                test <@ error.ToString().Contains "401" @>
            | other -> failwith $"%A{other}")

        testCase "escapes and cuts what the server wrote" (fun () ->
            let error =
                ClientHandshakeError.Subprotocol("a\r\nERROR \u001b\u009f" + String('x', 300))

            let text = error.ToString()
            test <@ text.Contains "'a\\u000D\\u000AERROR \\u001B\\u009Fxxx" @>
            test <@ text.Length < 300 && text.Contains "…'" @>)
    ]

let private proxied (target: string) = text (ProxyTunnel.request (uri target))

[<Tests>]
let tunnels =
    testList "a tunnel through a proxy" [
        testCase "is asked for with host and port (RFC 9110 §9.3.6)" (fun () ->
            proxied "ws://user:secret@example.com/chat"
            =! "CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\nUser-Agent: FunctionalWs\r\n\r\n"

            test
                <@
                    (proxied "wss://[2001:db8::1]/")
                        .StartsWith("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n", StringComparison.Ordinal)
                @>

            test
                <@
                    (text (ProxyTunnel.authorizedRequest (user "Aladdin" "open sesame") (uri "ws://h:81/")))
                        .Contains
                        "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                @>

            (argumentError (fun () -> ProxyTunnel.authorizedRequest (user "a:b" "") (uri "ws://h")))
                .ParamName
            =! "credentials")

        testCase "is open after any status from 200 to 299" (fun () ->
            let result status fields =
                match ProxyTunnel.check (head status fields) with
                | TunnelResult.Opened -> "opened"
                | TunnelResult.Refused error -> error.ToString()

            result 200 [] =! "opened"
            result 299 [ "Transfer-Encoding", "chunked" ] =! "opened"
            result 101 [] =! "The server answered with status 101."
            result 302 [ "Location", "http://h/" ] =! "The server answered with status 302."

            result 407 [ "Proxy-Authenticate", "Basic realm=\"p\"" ]
            =! "Status 407 asks for credentials, or for others: Basic 'p'.")
    ]

// ---- Both roles

/// What a server of ours answers to bytes: its response in bytes.
let private serve (subprotocols: string list) (deflate: DeflatePolicy voption) (bytes: byte[]) : byte[] =
    let policy = HandshakePolicy(subprotocols = subprotocols, readsExtensions = true)
    let writer = ArrayBufferWriter<byte>()

    let agreed (offered: ExtensionOffer list) : ExtensionOffer list =
        match deflate with
        | ValueNone -> []
        | ValueSome deflate ->
            match DeflateNegotiation.acceptFirst deflate offered with
            | ValueNone -> []
            | ValueSome agreement -> [
                {
                    Name = DeflateNegotiation.Name
                    Parameters = agreement.Parameters
                }
              ]

    match RequestReader().Read(ReadOnlySpan bytes) with
    | RequestParse.Complete(request, consumed) ->
        consumed =! bytes.Length

        match Handshake.examine policy request with
        | HandshakeExamination.Kept offer ->
            (Handshake.accept offer offer.Subprotocol (agreed (List.ofSeq offer.Extensions))).WriteTo writer
        | HandshakeExamination.Broken error -> failwith $"{error}"
    | other -> failwith $"{other}"

    writer.WrittenSpan.ToArray()

/// Sends bytes to a client in pieces of a size.
let private receive (size: int) (bytes: byte[]) : ResponseHead =
    let rec next (reader: ResponseReader) (from: int) (until: int) =
        match reader.Read(ReadOnlySpan(bytes, from, until - from)) with
        | ResponseParse.Incomplete reader when until < bytes.Length ->
            next reader until (min bytes.Length (until + size))
        | ResponseParse.Complete(head, consumed) ->
            from + consumed =! bytes.Length
            head
        | other -> failwith $"{other}"

    next (ResponseReader()) 0 (min size bytes.Length)

let private uris =
    Gen.elements [
        "ws://h"
        "wss://example.com:8443/chat?room=ä b"
        "ws://[2001:db8::1]:81/"
        "ws://[fe80::1%25eth0]/"
        "wss://user:p%40ss@bücher.example/"
        "ws://192.0.2.1/%41/../b"
        "ws://h./x?"
        "ws://a_b.-c/"
    ]

let private names = Gen.elements [ "chat"; "superchat"; "a.b"; "!#$%&'*+-.^_`|~" ]
let private flag = Gen.elements [ false; true ]

let private nullable (bits: int list) =
    Gen.elements [ Nullable<int>(); yield! List.map (fun (bits: int) -> Nullable bits) bits ]

let private deflatePolicies: Gen<DeflatePolicy voption> =
    gen {
        let! server, client = Gen.zip flag flag
        let! serverBits, clientBits = Gen.zip (nullable [ 9..15 ]) (nullable [ 8..15 ])
        let! requires, isOn = Gen.zip flag flag

        let policy =
            DeflatePolicy.Create(server, client, serverBits, clientBits, requires && clientBits.HasValue)

        return if isOn then ValueSome policy else ValueNone
    }

let private deflateOffers: Gen<DeflateOffer> =
    gen {
        let! server, client = Gen.zip flag flag
        let! serverBits, clientBits = Gen.zip (nullable [ 8..15 ]) (nullable [ 9..15 ])
        let! requires = flag
        return DeflateOffer.Create(server, client, serverBits, clientBits, requires)
    }

let private offers: Gen<ClientOffer> =
    gen {
        let! subprotocols = Gen.listOf names |> Gen.map (List.distinct >> Array.ofList)
        let! deflate, isOn, hasOrigin = Gen.zip3 deflateOffers flag flag

        let offer =
            ClientOffer.Default.WithSubprotocols(subprotocols).WithHeader("X-A", "b\u00FF")

        let offer = if isOn then offer.WithCompression deflate else offer

        return
            if hasOrigin then
                offer.WithOrigin "https://example.com"
            else
                offer
    }

let private meetings =
    gen {
        let! target = uris
        let! offer = offers
        let! deflate = deflatePolicies
        let! size = Gen.choose (1, 400)
        let! key = Gen.arrayOfLength 16 (Gen.choose (0, 255) |> Gen.map byte)
        return target, offer, deflate, size, key
    }

[<Tests>]
let both =
    testList "our client and our server" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 2_000
            }
            "agree, whatever each is set to, and on the same"
            (Prop.forAll (Arb.fromGen meetings) (fun (target, offer, deflate, size, key) ->
                let subprotocols = List.ofSeq offer.Subprotocols |> List.rev

                let request = ClientHandshake.request (ReadOnlySpan key) offer (uri target)

                let answer =
                    receive
                        size
                        (serve subprotocols deflate (Encoding.Latin1.GetBytes(text request.Request)))

                match ClientHandshake.check request answer with
                | ClientResult.Opened agreement ->
                    match Seq.tryLast offer.Subprotocols with
                    | Some name -> agreement.Subprotocol =! name
                    | None -> agreement.Subprotocol =! null

                    match deflate with
                    | ValueNone -> agreement.Compression =! ValueNone
                    | ValueSome policy ->
                        let server =
                            DeflateNegotiation.acceptFirst policy [
                                for extension in request.Offer.Compression |> ValueOption.toList do
                                    yield! DeflateNegotiation.offers extension
                            ]

                        (ValueOption.isSome agreement.Compression) =! ValueOption.isSome server
                | other -> failwith $"%A{other}"))

        testProperty
            "go separate ways when one byte of the key's answer is another"
            (fun (at: int) (change: byte) ->
                let bytes = Encoding.Latin1.GetBytes "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
                let at = abs (at % bytes.Length)
                let changed = bytes[at] ^^^ (change % 127uy + 1uy)

                bytes[at] <-
                    if changed > 32uy && changed < 127uy then
                        changed
                    else
                        byte '?'

                if bytes <> Encoding.Latin1.GetBytes "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" then
                    let value = Encoding.Latin1.GetString bytes

                    (refusal plain (answer [ "Sec-WebSocket-Accept", [ value ] ])).ToString()
                    =! (ClientHandshakeError.Accept value).ToString())

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 500
            }
            "the client throws at no answer"
            (fun (status: int) (values: string[]) ->
                let names = [|
                    "Upgrade"
                    "Connection"
                    "Sec-WebSocket-Accept"
                    "Sec-WebSocket-Protocol"
                    "Sec-WebSocket-Extensions"
                    "Location"
                    "WWW-Authenticate"
                    "Proxy-Authenticate"
                |]

                let fields = [
                    for i, value in Array.indexed values do
                        if not (isNull value) then
                            let clean = String.filter HeaderSyntax.isValueCharacter value
                            names[i % names.Length], clean
                ]

                for status in [ 101; 302; 401; 407; 100 + abs (status % 900) ] do
                    check rich (head status fields) |> ignore
                    ProxyTunnel.check (head status fields) |> ignore)
    ]
