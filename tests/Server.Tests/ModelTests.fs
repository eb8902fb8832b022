/// One connection against a small model: whatever peer, application and clock do in whatever order, both agree.
module FunctionalWs.Server.Tests.ModelTests

open System
open System.Collections.Concurrent
open System.Text
open System.Threading
open System.Threading.Tasks
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

type Step =
    | PeerText of int
    | PeerFragment of size: int * last: bool
    | PeerPing of byte
    | PeerClose of int
    | PeerBreaksARule
    | PeerVanishes
    | Receive
    | ReceiveFragment
    | Send of int
    | SendFragments of int
    | Ping of answered: bool
    | Close
    | Advance of seconds: int

/// What a call gives.
type Outcome =
    | Got of string
    | Nothing
    | ClosedOk
    | ClosedError

type private Phase =
    | Open
    /// Our close frame is out, since so many seconds.
    | Closing of int
    | Over of Outcome

/// What is left of a message that is received in part.
type private Model = {
    Phase: Phase
    /// Complete messages, each as its fragments.
    Messages: string list list
    /// The fragments of a message that isn't complete.
    Partial: string list option
    /// True when that one was received in part: the rest of it is dropped.
    Dropping: bool
    Seconds: int
    Pings: int
}

let private interval = 20
let private closeTimeout = 10

let private start = {
    Phase = Open
    Messages = []
    Partial = None
    Dropping = false
    Seconds = 0
    Pings = 0
}

let private ended (outcome: Outcome) (model: Model) = { model with Phase = Over outcome }

/// The message that a frame completes, or makes longer.
let private arrive (text: string) (last: bool) (model: Model) =
    let fragments = Option.defaultValue [] model.Partial @ [ text ]

    match last, model.Dropping with
    | true, true -> {
        model with
            Partial = None
            Dropping = false
      }
    | true, false -> {
        model with
            Messages = model.Messages @ [ fragments ]
            Partial = None
      }
    | false, true -> model
    | false, false -> { model with Partial = Some fragments }

/// The application's receiving, next to the model.
let private receive (model: Model) : Outcome * Model =
    match model.Messages, model.Phase with
    | next :: rest, _ -> Got(String.concat "" next), { model with Messages = rest }
    | [], Over outcome -> outcome, model
    | [], (Open | Closing _) -> Nothing, model

let private closeOutcome (code: int) =
    if code = 1000 || code = 1001 then ClosedOk else ClosedError

/// The handler does what it is asked for, one after another.
type private Application(options: ServerOptions) =
    let requests = new BlockingCollection<ServerConnection -> unit>()
    let found = TaskCompletionSource<ServerConnection>()

    let server =
        options
        |> Serve.inMemory (fun connection ->
            found.SetResult connection

            for request in requests.GetConsumingEnumerable() do
                request connection)

    member _.Server = server
    member _.Connection = Wait.forTask "the connection" found.Task

    member _.Ask(request: ServerConnection -> 'a) : 'a =
        let answer = TaskCompletionSource<'a>()

        requests.Add(fun connection ->
            try
                answer.SetResult(request connection)
            with error ->
                answer.SetException error)

        Wait.forTask "the application" answer.Task

    member _.Leave() = requests.CompleteAdding()

/// How long a call may wait: the watcher, which holds what has come for a moment, may be what it waits for.
let private patience (expected: Outcome) =
    if expected = Nothing then TimeSpan.Zero else Wait.limit

let private attempt (call: unit -> string) : Outcome =
    try
        Got(call ())
    with
    | :? TimeoutException -> Nothing
    | :? ConnectionClosedOkException -> ClosedOk
    | :? ConnectionClosedErrorException -> ClosedError

let private text (seed: int) =
    String.replicate (seed % 300) (string (char (97 + seed % 26)))

/// A connection, its peer and its clock.
type private World() =
    let clock = FakeClock()

    let application =
        Application(ServerOptions(TimeProvider = clock, MaxQueue = Nullable 2))

    let client = client application.Server

    let expectEnd () = client.Read() =! End

    let expectClose (code: int) =
        match client.Read() with
        | Wire.Closed status -> status.Number =! code
        | other -> failwith $"a close frame with {code} was expected, not {other}"

    let leave () =
        client.Transport.Abort()

        Wait.until "the connection is closed" (fun () ->
            application.Connection.State = ConnectionState.Closed)

    member _.Application = application
    member _.Client = client
    member _.Clock = clock
    member _.ExpectClose(code: int) = expectClose code
    member _.ExpectEnd() = expectEnd ()
    member _.Leave() = leave ()

    interface IDisposable with
        member _.Dispose() =
            client.Transport.Abort()
            application.Leave()
            application.Server.Dispose()

let private stepPeer (world: World) (model: Model) (step: Step) : Model =
    let client = world.Client

    match step, model.Phase with
    | PeerText _, Open when model.Partial.IsSome -> model
    | PeerText seed, Open ->
        client.SendText(text seed)
        arrive (text seed) true model
    | PeerFragment(seed, last), Open ->
        let opcode =
            if model.Partial.IsNone then
                Opcode.Text
            else
                Opcode.Continuation

        client.WriteFrame(last, opcode, Encoding.UTF8.GetBytes(text seed))
        arrive (text seed) last model
    | PeerPing payload, Open ->
        client.SendPing [| payload |]
        client.Read() =! PongOf [| payload |]
        model
    | PeerClose code, Open ->
        client.SendClose code
        world.ExpectClose code
        world.ExpectEnd()
        world.Leave()
        ended (closeOutcome code) model
    | PeerClose code, Closing _ ->
        client.SendClose code
        world.ExpectEnd()
        world.Leave()
        ended (closeOutcome code) model
    | PeerBreaksARule, Open ->
        client.Write [| 0x83uy; 0x80uy |]
        world.ExpectClose 1002
        world.ExpectEnd()
        world.Leave()
        ended ClosedError model
    | PeerBreaksARule, Closing _ ->
        client.Write [| 0x83uy; 0x80uy |]
        world.ExpectEnd()
        world.Leave()
        ended ClosedError model
    | PeerVanishes, (Open | Closing _) ->
        world.Leave()
        ended ClosedError model
    | _ -> model // a peer that is closing, or has left, says nothing more

let private expect (expected: Outcome) (got: Outcome) = got =! expected

let private sendAndRead (world: World) (model: Model) (send: ServerConnection -> unit) (read: unit -> unit) =
    let outcome () =
        world.Application.Ask(fun connection ->
            attempt (fun () ->
                send connection
                "sent"))

    match model.Phase with
    | Open ->
        expect (Got "sent") (outcome ())
        read ()
    | Closing _ -> () // it would wait for the end
    | Over result -> expect result (outcome ())

    model

let private stepApplication (world: World) (model: Model) (step: Step) : Model =
    let client = world.Client

    match step with
    | Receive ->
        let expected, next = receive model

        world.Application.Ask(fun connection ->
            attempt (fun () -> connection.Receive(patience expected).Text))
        |> expect expected

        next
    | ReceiveFragment ->
        let first =
            match model.Messages, model.Partial with
            | next :: _, _
            | [], Some next -> List.tryHead next
            | [], None -> None

        // What is left of the message is dropped, also what is still to come.
        let expected =
            match first, model.Phase with
            | Some text, _ -> Got text
            | None, Over outcome -> outcome
            | None, (Open | Closing _) -> Nothing

        world.Application.Ask(fun connection ->
            attempt (fun () ->
                use stream = connection.ReceiveStreaming(patience expected)
                stream.MoveNext() |> ignore
                stream.Current.Text))
        |> expect expected

        match model.Messages, model.Partial with
        | _ :: rest, _ -> { model with Messages = rest }
        | [], Some _ -> {
            model with
                Partial = Some []
                Dropping = first.IsSome || model.Dropping
          }
        | [], None -> model
    | Send seed ->
        sendAndRead world model (fun connection -> connection.Send(text seed)) (fun () ->
            client.ReadText() =! text seed)
    | SendFragments seed ->
        sendAndRead world model (fun connection -> connection.Send [ text seed; "end" ]) (fun () ->
            client.Read() =! Data(Opcode.Text, false, Encoding.UTF8.GetBytes(text seed))
            client.Read() =! Data(Opcode.Continuation, false, "end"B)
            client.Read() =! Data(Opcode.Continuation, true, ""B))
    | Ping answered when model.Phase = Open ->
        let ping = world.Application.Ask(fun connection -> connection.Ping())

        match client.Read() with
        | PingOf payload when answered -> client.WriteFrame(true, Opcode.Pong, payload)
        | PingOf _ -> ()
        | other -> failwith $"a ping was expected, not {other}"

        if answered then
            Wait.until "the ping is answered" (fun () -> ping.IsAnswered)

        model
    | Close when model.Phase = Open ->
        Wait.start (fun () -> world.Application.Connection.Close()) |> ignore
        world.ExpectClose 1000
        { model with Phase = Closing 0 }
    | _ -> model

let private stepClock (world: World) (model: Model) (seconds: int) : Model =
    world.Clock.Advance(TimeSpan.FromSeconds(float seconds))

    let model = {
        model with
            Seconds = model.Seconds + seconds
    }

    match model.Phase with
    | Open when model.Seconds / interval > model.Pings ->
        match world.Client.Read() with
        | PingOf payload -> world.Client.WriteFrame(true, Opcode.Pong, payload)
        | other -> failwith $"a keepalive ping was expected, not {other}"

        {
            model with
                Pings = model.Seconds / interval
        }
    | Closing since when since + seconds >= closeTimeout ->
        world.ExpectEnd()
        world.Leave()
        ended ClosedError model
    | Closing since -> {
        model with
            Phase = Closing(since + seconds)
      }
    | Open
    | Over _ -> model

let private run (steps: Step list) =
    use world = new World()

    let step (model: Model) (step: Step) =
        match step with
        | Advance seconds -> stepClock world model seconds
        | Receive
        | ReceiveFragment
        | Send _
        | SendFragments _
        | Ping _
        | Close -> stepApplication world model step
        | PeerText _
        | PeerFragment _
        | PeerPing _
        | PeerClose _
        | PeerBreaksARule
        | PeerVanishes -> stepPeer world model step

    let model = List.fold step start steps

    // In the end everything that came is received, and then the end itself.
    let model =
        match model.Phase with
        | Over _ -> model
        | Open
        | Closing _ -> stepPeer world model PeerVanishes

    let rec drain (model: Model) =
        let expected, next = receive model

        world.Application.Ask(fun connection -> attempt (fun () -> connection.Receive().Text))
        |> expect expected

        match expected with
        | Got _ -> drain next
        | Nothing
        | ClosedOk
        | ClosedError -> ()

    drain model
    world.Application.Connection.Closed.IsCancellationRequested =! true

let private steps =
    Gen.frequency [
        6, Gen.map PeerText (Gen.choose (0, 2_000))
        6,
        Gen.map2
            (fun size last -> PeerFragment(size, last))
            (Gen.choose (0, 2_000))
            (ArbMap.defaults |> ArbMap.generate)
        3, Gen.map (byte >> PeerPing) (Gen.choose (0, 255))
        8, Gen.constant Receive
        3, Gen.constant ReceiveFragment
        3, Gen.map Send (Gen.choose (0, 2_000))
        1, Gen.map SendFragments (Gen.choose (0, 2_000))
        2, Gen.map Ping (ArbMap.defaults |> ArbMap.generate)
        4, Gen.map Advance (Gen.choose (1, 7))
        1, Gen.constant Close
        1, Gen.map PeerClose (Gen.elements [ 1000; 1001; 1011; 4000 ])
        1, Gen.elements [ PeerBreaksARule; PeerVanishes ]
    ]
    |> Gen.listOf

type private Steps =
    static member Lists() =
        Arb.fromGenShrink (
            steps,
            fun list ->
                seq {
                    for i in 0 .. list.Length - 1 do
                        List.removeAt i list
                }
        )

[<Tests>]
let model =
    testList "a connection and its model" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 300
                    endSize = 60
                    arbitrary = [ typeof<Steps> ]
            }
            "agree on what every call gives and on every frame"
            run
    ]
