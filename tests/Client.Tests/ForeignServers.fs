/// Servers that no one here wrote. Each has the same paths: /echo sends every message back, /close closes with the code and the reason of
/// its query, /last tells how an echo was closed by its client. Of the subprotocols it chooses v2.
module FunctionalWs.Client.Tests.ForeignServers

open System
open System.Diagnostics
open System.IO
open System.Net.WebSockets
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Logging
open FunctionalWs.Server.Tests

/// A server, and where it listens. It is started by the first test that asks for it, and lives as long as the tests.
type Foreign = {
    Name: string
    /// What has to be there for it.
    Needs: string
    IsThere: Lazy<bool>
    Authority: Lazy<string>
}

// ---- Kestrel

let mutable private last = "none"

let private echo (socket: WebSocket) : Task =
    task {
        let buffer = Array.zeroCreate<byte> 65_536
        let mutable isOpen = true

        while isOpen do
            let! received = socket.ReceiveAsync(Memory buffer, CancellationToken.None)

            if received.MessageType = WebSocketMessageType.Close then
                isOpen <- false
                Volatile.Write(&last, $"{int socket.CloseStatus.Value} {socket.CloseStatusDescription}")

                do!
                    socket.CloseAsync(
                        socket.CloseStatus.Value,
                        socket.CloseStatusDescription,
                        CancellationToken.None
                    )
            else
                do!
                    socket.SendAsync(
                        ReadOnlyMemory(buffer, 0, received.Count),
                        received.MessageType,
                        received.EndOfMessage,
                        CancellationToken.None
                    )
    }

let private tell (socket: WebSocket) : Task =
    task {
        let text = Text.Encoding.UTF8.GetBytes(Volatile.Read &last)
        do! socket.SendAsync(ArraySegment text, WebSocketMessageType.Text, true, CancellationToken.None)
        do! socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None)
    }

let private close (socket: WebSocket) (query: IQueryCollection) : Task =
    socket.CloseAsync(
        enum<WebSocketCloseStatus>(int (string query["code"])),
        string query["reason"],
        CancellationToken.None
    )

let private serve (context: HttpContext) : Task =
    task {
        let offered = context.WebSockets.WebSocketRequestedProtocols

        use! socket =
            context.WebSockets.AcceptWebSocketAsync(
                WebSocketAcceptContext(
                    DangerousEnableCompression = true,
                    SubProtocol = (if offered.Contains "v2" then "v2" else null)
                )
            )

        match context.Request.Path.Value with
        | "/close" -> do! close socket context.Request.Query
        | "/last" -> do! tell socket
        | _ -> do! echo socket
    }

let private startKestrel () : string =
    let builder = WebApplication.CreateSlimBuilder()
    builder.Logging.ClearProviders() |> ignore
    builder.WebHost.UseUrls "http://127.0.0.1:0" |> ignore
    let app = builder.Build()
    app.UseWebSockets() |> ignore
    app.Run(RequestDelegate serve)
    app.StartAsync().Wait()
    (Uri(Seq.head app.Urls)).Authority

// ---- Others

/// Their inputs are open as long as something refers to them.
let private programs = Collections.Concurrent.ConcurrentBag<Process>()

/// A program that prints its port, and ends with its input: when these tests do, in whatever way.
let private startProgram (program: string) (arguments: string list) : string =
    let started =
        Process.Start(
            ProcessStartInfo(program, arguments, RedirectStandardInput = true, RedirectStandardOutput = true)
        )

    programs.Add started
    let line = started.StandardOutput.ReadLineAsync()
    $"127.0.0.1:{Wait.forTask program line}"

let private script (folder: string) (name: string) =
    Path.Combine(Programs.root, "tests", folder, name)

/// A Python that has the package; Debian's belongs to its own.
let private python: Lazy<string option> =
    lazy
        ([ "/usr/bin/python3"; Programs.find "python3" |> Option.defaultValue "" ]
         |> List.tryFind (fun python ->
             File.Exists python
             && fst (Programs.run python [ "-c"; "import websockets" ]) = 0))

let kestrel = {
    Name = "Kestrel"
    Needs = "ASP.NET Core"
    IsThere = lazy true
    Authority = lazy startKestrel ()
}

let private ws = {
    Name = "the package ws of Node.js"
    Needs = "Node.js and its package ws"
    IsThere = Programs.hasNodeClient
    Authority = lazy startProgram "node" [ script "node" "server.mjs" ]
}

let private websockets = {
    Name = "the package websockets of Python"
    Needs = "Python and its package websockets"
    IsThere = lazy python.Value.IsSome
    Authority = lazy startProgram python.Value.Value [ script "python" "server.py" ]
}

let private nginx = {
    Name = "nginx before Kestrel"
    Needs = "nginx"
    IsThere = lazy (Programs.find "nginx").IsSome
    Authority =
        lazy
            (let proxy = new Proxies.Nginx(kestrel.Authority.Value)
             AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> (proxy :> IDisposable).Dispose())
             string proxy.EndPoint)
}

let all = [ kestrel; ws; websockets; nginx ]
