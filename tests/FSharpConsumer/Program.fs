/// A stranger's program on the F# packages: uses each module, asks its own server, then serves an echo for whoever comes.
module Program

open System
open System.Security.Claims
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.FSharp.Testing
open FunctionalWs.Protocol

let check (what: string) (isSo: bool) : unit =
    if not isSo then
        failwith ("it is not so: " + what)

// ---- Handlers

let echo (connection: ServerConnection) : unit =
    for message in connection do
        match message with
        | Text text -> connection |> Connection.sendText text
        | Binary data -> connection |> Connection.sendBytes (data.ToArray())

let sum: ServerConnection -> unit =
    Messages.fold (fun _ -> 0) (fun connection sum message ->
        let sum = sum + int message.Text
        connection.Send(string sum)
        sum)

let rooms = Groups()

let enter (connection: ServerConnection) (room: string) (number: int) : unit =
    rooms[room] |> Group.add connection

    rooms[room] |> Group.sendText (String.Concat("room ", number.ToString()))

    Connection.tryReceive connection |> ignore

let greet (connection: ServerConnection) : unit =
    connection.Send(connection |> Connection.username |> Option.defaultValue "nobody")

// ---- Hooks

let health: RequestHook =
    fun _ request ->
        if request.Target = "/health" then
            Some(Response.Text(200, "fine"))
        else
            None

let find (token: string) : ClaimsPrincipal option =
    if token = "t0ken" then
        Some(ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "alice") ], "token")))
    else
        None

let login: RequestHook =
    fun connection request ->
        if request.Target = "/me" then
            Auth.bearer "here" find connection request
        else
            None

// ---- The server, and its clients

let options =
    Options.server
    |> Options.maxConnections 1_000
    |> Options.openTimeout (Some(TimeSpan.FromSeconds 30.0))
    |> Options.compression (Some(PerMessageDeflate(Level = 1)))
    |> Options.subprotocols []
    |> Options.processRequest (Hook.firstOf [ health; login ])

let roomUrl = Route.url<string, int> "/room/{name}/{number:int}"

let rules = [
    Route.get ("/", echo)
    Route.get ("/sum", sum)
    Route.get ("/me", greet)
    Route.get ("/room/{name}/{number:int}", enter)
    |> Route.guard (fun _ _ (_: string) (number: int) ->
        if number > 9 then
            Some(Response.Text(403, "no such room"))
        else
            None)
    Route.get ("/over", (fun connection -> connection |> Connection.closeNumber 4009 "over"))
    Route.redirect "/room/{name}" "/room/{name}/1"
]

let ask (server: Server) (path: string) (options: ClientOptions) (texts: string list) : string list =
    use client =
        WebSocket.connectWith options ("ws://" + string server.LocalEndPoint + path)

    [
        if texts.IsEmpty then
            client.Receive().Text
        for text in texts do
            client.Send text

            match Connection.receiveWithin (TimeSpan.FromSeconds 30.0) client with
            | Arrival.Message message -> message.Text
            | Arrival.TimedOut -> "nothing"
            | Arrival.Ended -> "the end"
    ]

let talk (server: Server) : unit =
    let ask = ask server
    check "an echo echoes" (ask "/" Options.client [ "a"; "b" ] = [ "a"; "b" ])
    check "a fold keeps its state" (ask "/sum" Options.client [ "1"; "2" ] = [ "1"; "3" ])
    check "a handler gets values" (ask (roomUrl "tea room" 7) Options.client [] = [ "room 7" ])
    check "a redirect leads there" (ask "/room/tea" Options.client [] = [ "room 1" ])
    let alice = Options.client |> Options.bearerToken (Some "t0ken")
    check "a token is known" (ask "/me" alice [] = [ "alice" ])

    let refused =
        try
            ask "/me" Options.client []
        with :? HandshakeRefusedException as error -> [ string error.Response.StatusCode ]

    check "nobody is refused" (refused = [ "401" ])

    let wrong =
        try
            Route.get ("/a/{id:int}", (fun connection (id: string) -> connection.Send id))
            |> string
        with :? ArgumentException as error ->
            error.Message

    check "a handler of other values is refused" (wrong.Contains "but its handler takes (string)")

// ---- The same in memory, and in a simulation

let inMemory () : unit =
    use server = InMemory.routeWith options rules
    let visitor = TestOptions.client |> TestOptions.bearerToken (Some "t0ken")
    use client = server |> InMemory.connectWith visitor "/me"
    check "a token is known in memory" (InMemory.tryReceive client |> Option.map _.Text = Some "alice")
    check "a guard refuses" ((server |> InMemory.get "/room/tea/10").StatusCode = 403)
    use over = server |> InMemory.connect "/over"
    check "a code is told" (over |> InMemory.waitClosed |> Option.map _.Number = Some 4009)

let simulated (simulation: FunctionalWs.Testing.Simulation) : unit =
    let server = simulation |> Simulate.serve sum

    let visit (number: int) () : string =
        use client = server |> InMemory.connect "/"
        client.Send(string number)
        client.Receive().Text

    let answers = simulation |> Simulate.gather [ visit 1; visit 2 ]
    check "each has a state of its own" (answers = [ "1"; "2" ])

[<EntryPoint>]
let main args =
    let port = if args.Length = 1 then int args[0] else 0
    use server = WebSocket.routeWith options "localhost" port rules
    server.Start()
    talk server
    inMemory ()
    Simulate.runSeeds 5 simulated
    Console.WriteLine("listening on ws://" + string server.LocalEndPoint + "/")
    server.ServeForever()
    0
