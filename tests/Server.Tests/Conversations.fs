/// Conversations with clients that no one here wrote, as the flight recorder sees them. They are recorded by hand,
/// `dotnet run --project tests/Server.Tests -- record`, and replayed by the tests.
module FunctionalWs.Server.Tests.Conversations

open System
open System.IO
open System.Net
open System.Net.WebSockets
open System.Text
open System.Threading
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Protocol

/// A conversation: what the server does, and who talks to it.
type Conversation = {
    /// The client and what it does: the name of the file.
    Name: string
    Options: ServerOptions
    Handler: ServerConnection -> unit
    /// Talks to the server at an address; what it gives is disposed of when the connection has ended.
    Client: string -> IDisposable
}

let folder = Path.Combine(Programs.root, "tests", "Server.Tests", "Recordings")

let fileOf (name: string) : string = Path.Combine(folder, $"{name}.ws")

let private reactionsOf (name: string) : string = Path.Combine(folder, $"{name}.txt")

/// One step a line, so that a change can be read; and what they led to, beside it.
let write (name: string) (recording: Recording) : unit =
    File.WriteAllText(fileOf name, (RecordingText.format recording).Replace(" | ", "\n| ") + "\n")
    File.WriteAllLines(reactionsOf name, ReplayText.lines (Replay.run recording))

/// What the steps of a recording led to when it was recorded, a line for each.
let reactions (name: string) : string[] = File.ReadAllLines(reactionsOf name)

let read (name: string) : Recording =
    RecordingText.ofText (File.ReadAllText(fileOf name))

// Large messages are measured, the others are ours to keep.
let private recorder =
    FlightRecorderOptions(MaxSteps = 1_000, MaxPayloadBytes = 20_000)

/// Lets client and server talk, and gives what was recorded.
let record (conversation: Conversation) : Recording =
    let ended = TaskCompletionSource<ServerConnection>()

    let handler (connection: ServerConnection) =
        try
            try
                conversation.Handler connection
            with :? ConnectionClosedException ->
                ()
        finally
            ended.TrySetResult connection |> ignore

    use server = conversation.Options |> Serve.overTcp handler

    let port = (server.LocalEndPoint :?> IPEndPoint).Port
    use _ = conversation.Client $"127.0.0.1:{port}/"
    let connection = Wait.forTask $"the end of {conversation.Name}" ended.Task
    Wait.until "the connection is closed" (fun () -> connection.State = ConnectionState.Closed)
    connection.Recording

// ---- What is said

let private usual = ServerOptions(FlightRecorder = recorder)

let private small =
    ServerOptions(FlightRecorder = recorder, MaxMessageSize = Nullable 100)

let private plain = ServerOptions(FlightRecorder = recorder, Compression = null)

let private closeFirst (connection: ServerConnection) =
    connection.Receive() |> ignore
    connection.Send "enough"
    connection.Close(CloseCode.Create 4_000, "enough")

let private nothing = {
    new IDisposable with
        member _.Dispose() = ()
}

// ---- The platform's client

let private platform (compress: bool) (talk: ClientWebSocket -> CancellationToken -> unit) (address: string) =
    use timeout = new CancellationTokenSource(Wait.limit)
    use client = new ClientWebSocket()

    if compress then
        client.Options.DangerousDeflateOptions <- WebSocketDeflateOptions()

    client.ConnectAsync(Uri $"ws://{address}", timeout.Token).Wait()
    talk client timeout.Token
    nothing

let private sendText (client: ClientWebSocket) token (last: bool) (text: string) =
    client.SendAsync(ArraySegment(Encoding.UTF8.GetBytes text), WebSocketMessageType.Text, last, token).Wait()

/// Takes one whole message.
let private take (client: ClientWebSocket) token =
    let buffer = Array.zeroCreate<byte> 100_000
    let mutable isWhole = false

    while not isWhole do
        isWhole <- client.ReceiveAsync(ArraySegment buffer, token).Result.EndOfMessage

let private saysAll (client: ClientWebSocket) token =
    for parts in
        [
            [ "hello" ]
            [ String.replicate 40 "é€😀" ]
            [ "" ]
            [ "in "; "three "; "parts" ]
            [ String('x', 70_000) ]
        ] do
        for index, part in List.indexed parts do
            sendText client token (index = parts.Length - 1) part

        take client token

    client.SendAsync(ArraySegment [| 0uy; 1uy; 255uy |], WebSocketMessageType.Binary, true, token).Wait()
    take client token
    client.CloseAsync(WebSocketCloseStatus.NormalClosure, "that's all", token).Wait()

/// What the platform's client does; also recorded by a test.
let platformEcho: Conversation = {
    Name = "platform-echo"
    Options = usual
    Handler = Serve.echo
    Client = platform false saysAll
}

let private platformOthers: Conversation list = [
    {
        Name = "platform-compressed"
        Options = usual
        Handler = Serve.echo
        Client = platform true saysAll
    }
    {
        Name = "platform-vanishes"
        Options = usual
        Handler = Serve.echo
        Client =
            platform false (fun client token ->
                sendText client token false "the first of two parts"
                client.Abort())
    }
    {
        Name = "platform-too-big"
        Options = small
        Handler = Serve.echo
        Client =
            platform false (fun client token ->
                sendText client token true (String('x', 101))
                take client token
                client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", token).Wait())
    }
    {
        Name = "platform-is-closed"
        Options = usual
        Handler = closeFirst
        Client =
            platform false (fun client token ->
                sendText client token true "hello"
                take client token
                take client token
                client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "bye", token).Wait())
    }
]

// ---- The package ws of Node.js

let private node (case: string) (address: string) =
    Programs.node case [ $"ws://{address}" ]
    nothing

let private nodeWs: Conversation list = [
    {
        Name = "node-ws-echo"
        Options = plain
        Handler = Serve.echo
        Client = node "conversation"
    }
    {
        Name = "node-ws-compressed"
        Options = usual
        Handler = Serve.echo
        Client = node "conversation"
    }
    {
        Name = "node-ws-vanishes"
        Options = usual
        Handler = Serve.echo
        Client = node "vanishes"
    }
    {
        Name = "node-ws-is-closed"
        Options = usual
        Handler = closeFirst
        Client = node "hears"
    }
]

// ---- Chromium

/// A page that talks to the server that it came from.
let private page (script: string) =
    let html =
        Encoding.UTF8.GetBytes $"<!doctype html><meta charset=\"utf-8\"><script>{script}</script>"

    let reply =
        ProcessRequest(fun _ request ->
            if request.Headers.Contains "Upgrade" then
                Response.None
            elif request.Target = "/" then
                Response.Bytes(200, html, "text/html; charset=utf-8")
            else
                Response.Text(404, "There is nothing here."))

    ServerOptions(FlightRecorder = recorder, ProcessRequest = reply)

let private chromium (address: string) : IDisposable =
    let profile = Directory.CreateTempSubdirectory()

    let running =
        Programs.start "chromium" [
            "--headless"
            "--no-sandbox"
            "--disable-gpu"
            "--disable-features=BackForwardCache" // a page that was left would stay, and its connection with it
            $"--user-data-dir={profile.FullName}"
            $"http://{address}"
        ]

    // Its chatter must not fill the pipe.
    running.StandardOutput.ReadToEndAsync() |> ignore
    running.StandardError.ReadToEndAsync() |> ignore

    {
        new IDisposable with
            member _.Dispose() =
                running.Kill true
                running.WaitForExit()
                running.Dispose()
    }

let private talks =
    """
    const socket = new WebSocket(`ws://${location.host}/`);
    const words = ["hello", "é€😀".repeat(40), "", new Uint8Array([0, 1, 255]), "x".repeat(70000)];
    let said = 0;
    const say = () => said < words.length ? socket.send(words[said++]) : socket.close(4001, "that's all");
    socket.onopen = socket.onmessage = say;
    """

let private leaves =
    """
    const socket = new WebSocket(`ws://${location.host}/`);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = () => location.href = "/elsewhere";
    """

let private hears =
    """
    const socket = new WebSocket(`ws://${location.host}/`);
    socket.onopen = () => socket.send("hello");
    """

let private browser: Conversation list = [
    {
        Name = "chromium-echo"
        Options = page talks
        Handler = Serve.echo
        Client = chromium
    }
    {
        Name = "chromium-leaves"
        Options = page leaves
        Handler = Serve.echo
        Client = chromium
    }
    {
        Name = "chromium-is-closed"
        Options = page hears
        Handler = closeFirst
        Client = chromium
    }
]

let all: Conversation list = platformEcho :: platformOthers @ nodeWs @ browser

let private isClientThere (conversation: Conversation) =
    if conversation.Name.StartsWith("node", StringComparison.Ordinal) then
        Programs.hasNodeClient.Value
    elif conversation.Name.StartsWith("chromium", StringComparison.Ordinal) then
        (Programs.find "chromium").IsSome
    else
        true

/// Records these, or all, and says which; those that the machine has no client for stay as they are.
let recordAnew (names: string list) : unit =
    Directory.CreateDirectory folder |> ignore

    for conversation in all do
        if names.IsEmpty || List.contains conversation.Name names then
            if isClientThere conversation then
                let recording = record conversation
                write conversation.Name recording
                printfn $"{conversation.Name}: {recording.Steps.Length} steps"
            else
                printfn $"{conversation.Name}: the client is not there, the recording stays as it is"
