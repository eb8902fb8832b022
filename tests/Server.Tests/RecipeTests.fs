/// The recipes of the pages on deploying, run by the programs that they are for: what a reader copies has worked.
module FunctionalWs.Server.Tests.RecipeTests

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Net.WebSockets
open System.Security.Cryptography.X509Certificates
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs

/// The blocks of a language in a page of docs.
let private blocks (page: string) (language: string) : string list =
    let lines =
        File.ReadAllLines(Path.Combine(Programs.root, "docs", page)) |> List.ofArray

    let rec collect (lines: string list) =
        match lines |> List.skipWhile ((<>) $"```{language}") with
        | [] -> []
        | _ :: rest ->
            let block = rest |> List.takeWhile (fun line -> not (line.StartsWith "```"))
            String.concat "\n" block + "\n" :: collect (List.skip block.Length rest)

    collect lines

/// The first of them, with some of its words as they are on this machine. A word that isn't there is a mistake.
let private recipe (page: string) (language: string) (words: (string * string) list) : string =
    (List.head (blocks page language), words)
    ||> List.fold (fun text (word, here) ->
        if not (text.Contains word) then
            failwith $"docs/{page} has no {word} in its {language}"

        text.Replace(word, here))

let private freePort () =
    use socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    socket.Bind(IPEndPoint(IPAddress.Loopback, 0))
    (socket.LocalEndPoint :?> IPEndPoint).Port

let private command (program: string) (arguments: string list) =
    let code, output = Programs.run program arguments

    if code <> 0 then
        failwith $"{program}: {output}"

let private isRoot = Environment.UserName = "root"

/// A program in front of a server, from when it listens until the end of the test.
type private Proxy(program: string, port: int, arguments: string list) =
    let running = Programs.start program arguments
    let output = running.StandardError.ReadToEndAsync()

    do
        Wait.until $"{program} listens" (fun () ->
            if running.HasExited then
                failwith (Wait.forTask "its errors" output)

            try
                (Tls.connectTo (IPEndPoint(IPAddress.Loopback, port))).Dispose()
                true
            with :? SocketException ->
                false)

    interface IDisposable with
        member _.Dispose() =
            Programs.run "kill" [ "-TERM"; string running.Id ] |> ignore

            if not (running.WaitForExit Wait.limit) then
                running.Kill true

            running.Dispose()

/// The status of the answer to a WebSocket client, by the version of HTTP that is asked for; with 101, a message there and back.
let private visit (address: string) (version: Version) : HttpStatusCode =
    use handler = new SocketsHttpHandler()
    handler.SslOptions.RemoteCertificateValidationCallback <- fun _ _ _ _ -> true
    use invoker = new HttpMessageInvoker(handler)
    use client = new ClientWebSocket()
    client.Options.HttpVersion <- version
    client.Options.HttpVersionPolicy <- HttpVersionPolicy.RequestVersionExact
    client.Options.CollectHttpResponseDetails <- true
    use limit = new CancellationTokenSource(Wait.limit)

    try
        client.ConnectAsync(Uri address, invoker, limit.Token).Wait()
        let hello = "hello"B
        client.SendAsync(ArraySegment hello, WebSocketMessageType.Text, true, limit.Token).Wait()
        let buffer = Array.zeroCreate<byte> 100
        let answer = client.ReceiveAsync(ArraySegment buffer, limit.Token).Result
        Encoding.UTF8.GetString(buffer, 0, answer.Count) =! "hello"
        client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token).Wait()
    with :? AggregateException when int client.HttpStatusCode <> 0 ->
        ()

    client.HttpStatusCode

/// An echo server for one recipe; it notes whom it has served.
let private handler (seen: ConcurrentQueue<string>) =
    Action<ServerConnection>(fun connection ->
        seen.Enqueue(string connection.RemoteEndPoint)
        Serve.echo connection)

/// What docs/proxies.md says of a server behind nginx or Caddy.
let private behindUnixSocket =
    ServerOptions(
        UnixSocketMode =
            Nullable(
                UnixFileMode.UserRead
                ||| UnixFileMode.UserWrite
                ||| UnixFileMode.GroupRead
                ||| UnixFileMode.GroupWrite
            ),
        TrustUnixPeers = true,
        ForwardedHeaders = ForwardedHeaders.XForwardedFor
    )

/// A folder as systemd's RuntimeDirectory makes it: what a server makes in it belongs to the group of the proxy.
let private runtimeFolder (path: string) =
    Directory.CreateDirectory path |> ignore

    if isRoot then
        command "chgrp" [ "www-data"; path ]
        command "chmod" [ "2750"; path ]
        command "chmod" [ "755"; Path.GetDirectoryName path ]

    Path.Combine(path, "chat.sock")

let private serveUnix (socket: string) (options: ServerOptions) (seen: ConcurrentQueue<string>) =
    let server = Server.UnixServe(handler seen, socket, options)
    server.Start()
    server

/// A certificate and its key, in one file.
let private writeCertificate (folder: Listening.Folder) : string =
    let file = folder.Path "chat.pem"

    File.WriteAllText(
        file,
        Tls.localhost.ExportCertificatePem()
        + "\n"
        + Tls.localhost.GetECDsaPrivateKey().ExportPkcs8PrivateKeyPem()
    )

    file

let private nginx (folder: Listening.Folder) (port: int) (socket: string) =
    let temporary =
        [ "client_body"; "proxy"; "fastcgi"; "uwsgi"; "scgi" ]
        |> List.map (fun name -> $"{name}_temp_path {folder.Path name};")
        |> String.concat "\n"

    let user = if isRoot then "user www-data;" else ""
    let certificate = writeCertificate folder

    // Without TLS, which the test's client doesn't speak.
    let server =
        recipe "proxies.md" "nginx" [
            "/run/chat/chat.sock", socket
            "listen 443 ssl", $"listen 127.0.0.1:{port}"
            "/etc/letsencrypt/live/example.com/fullchain.pem", certificate
            "/etc/letsencrypt/live/example.com/privkey.pem", certificate
        ]

    let file = folder.Path "nginx.conf"

    File.WriteAllText(
        file,
        $"daemon off; error_log stderr; pid {folder.Path(string 'p')}; {user}\nevents {{ }}\n"
        + $"http {{ access_log off; {temporary}\n{server} }}\n"
    )

    new Proxy((Programs.find "nginx").Value, port, [ "-c"; file; "-p"; folder.Path "" ])

let private haproxy (folder: Listening.Folder) (port: int) (server: Server) (health: Server) =
    let certificate = writeCertificate folder
    let file = folder.Path "haproxy.cfg"

    let portOf (server: Server) =
        string (server.LocalEndPoint :?> IPEndPoint).Port

    recipe "proxies.md" "haproxy" [
        "maxconn 20000", "maxconn 100"
        ":443", $"127.0.0.1:{port}"
        "/etc/haproxy/chat.pem", certificate
        "10.0.0.5:8765", $"127.0.0.1:{portOf server}"
        "port 8766", $"port {portOf health}"
    ]
    |> fun text -> File.WriteAllText(file, text)

    new Proxy((Programs.find "haproxy").Value, port, [ "-db"; "-f"; file ])

let private caddy (folder: Listening.Folder) (port: int) (socket: string) =
    let file = folder.Path "Caddyfile"

    recipe "proxies.md" "caddy" [ "chat.example.com", $"http://:{port}"; "/run/chat/chat.sock", socket ]
    |> fun text -> File.WriteAllText(file, "{\n  admin off\n  default_bind 127.0.0.1\n}\n" + text)

    let home = folder.Path ""

    new Proxy(
        "env",
        port,
        [
            $"HOME={home}"
            $"XDG_DATA_HOME={home}"
            $"XDG_CONFIG_HOME={home}"
            "caddy"
            "run"
            "--adapter"
            "caddyfile"
            "--config"
            file
        ]
    )

let private testWith (program: string) =
    Programs.testIf program (Programs.find program).IsSome

let private http1 = HttpVersion.Version11
let private http2 = HttpVersion.Version20

[<Tests>]
let recipes =
    // Alone: a port that is free stays so until the proxy has it.
    testSequenced (
        testList "recipes of the documentation" [
            testWith "nginx" "nginx takes clients to a Unix socket that its group may use" (fun () ->
                use folder = new Listening.Folder()
                let seen = ConcurrentQueue<string>()
                let socket = runtimeFolder (folder.Path "chat")
                use _ = serveUnix socket behindUnixSocket seen
                let port = freePort ()
                use _ = nginx folder port socket
                visit $"ws://127.0.0.1:{port}/chat" http1 =! HttpStatusCode.SwitchingProtocols
                List.ofSeq seen =! [ "127.0.0.1:0" ])

            if isRoot then
                testWith "nginx" "with the usual permissions of the socket nginx answers 502" (fun () ->
                    use folder = new Listening.Folder()
                    let socket = runtimeFolder (folder.Path "chat")
                    use _ = serveUnix socket (ServerOptions()) (ConcurrentQueue())
                    let port = freePort ()
                    use _ = nginx folder port socket
                    visit $"ws://127.0.0.1:{port}/chat" http1 =! HttpStatusCode.BadGateway)

            testWith
                "caddy"
                "Caddy takes clients to a Unix socket, and replaces what they say of their address"
                (fun () ->
                    use folder = new Listening.Folder()
                    let seen = ConcurrentQueue<string>()
                    let socket = runtimeFolder (folder.Path "chat")
                    use _ = serveUnix socket behindUnixSocket seen
                    let port = freePort ()
                    use _ = caddy folder port socket
                    visit $"ws://127.0.0.1:{port}/chat" http1 =! HttpStatusCode.SwitchingProtocols
                    use liar = new PeerClient(Tls.connectTo (IPEndPoint(IPAddress.Loopback, port)))

                    liar.Write(
                        PeerClient.Request.Replace(
                            "Upgrade: websocket\r\n",
                            "Upgrade: websocket\r\nX-Forwarded-For: 192.0.2.66\r\n"
                        )
                    )

                    let response = liar.ReadResponse()
                    test <@ response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>
                    Wait.until "both have been seen" (fun () -> seen.Count >= 2)
                    List.ofSeq seen =! [ "127.0.0.1:0"; "127.0.0.1:0" ])

            testWith
                "haproxy"
                "HAProxy takes clients of HTTP/1.1 and HTTP/2 to HTTP/1.1, and asks for the health"
                (fun () ->
                    use folder = new Listening.Folder()
                    let seen = ConcurrentQueue<string>()

                    let options =
                        ServerOptions(
                            TrustedProxies = [| IPNetwork.Parse "127.0.0.1/32" |],
                            ForwardedHeaders = ForwardedHeaders.XForwardedFor
                        )

                    use server = Server.Serve(handler seen, "127.0.0.1", 0, options)
                    server.Start()
                    let ready = new ManualResetEventSlim()

                    use health =
                        Server.Serve(
                            Action<ServerConnection> ignore,
                            "127.0.0.1",
                            0,
                            ServerOptions(
                                ProcessRequest =
                                    ProcessRequest(fun connection request ->
                                        let isReady = request.Target = "/ready"

                                        if isReady then
                                            ready.Set()

                                        connection.Respond((if isReady then 200 else 404), "\n"))
                            )
                        )

                    health.Start()
                    let port = freePort ()
                    use _ = haproxy folder port server health
                    Wait.forEvent "HAProxy's check" ready

                    for version, status in
                        [ http1, HttpStatusCode.SwitchingProtocols; http2, HttpStatusCode.OK ] do
                        visit $"wss://127.0.0.1:{port}/chat" version =! status

                    Wait.until "both have been seen" (fun () -> seen.Count >= 2)
                    List.ofSeq seen =! [ "127.0.0.1:0"; "127.0.0.1:0" ])

            testWith "systemd-analyze" "systemd takes the units" (fun () ->
                use folder = new Listening.Folder()

                for block in blocks "systemd.md" "ini" do
                    let name = block.Substring(0, block.IndexOf '\n').Split('/', ' ') |> Array.last
                    let here = block.Replace("/usr/bin/dotnet", "/bin/true")

                    if name.EndsWith ".socket" || block.Contains "ExecStart" then
                        File.WriteAllText(folder.Path name, here)

                let code, output =
                    Programs.run "systemd-analyze" [
                        "verify"
                        "--man=no"
                        folder.Path "chat.service"
                        folder.Path "chat.socket"
                    ]

                (code, output) =! (0, ""))

            testWith "kubectl" "the manifest for Kubernetes can be read" (fun () ->
                use folder = new Listening.Folder()
                File.WriteAllText(folder.Path "chat.yaml", recipe "kubernetes.md" "yaml" [])
                File.WriteAllText(folder.Path "kustomization.yaml", "resources: [chat.yaml]\n")
                let code, output = Programs.run "kubectl" [ "kustomize"; folder.Path "" ]
                code =! 0
                test <@ output.Contains "terminationGracePeriodSeconds: 45" @>)
        ]
    )
