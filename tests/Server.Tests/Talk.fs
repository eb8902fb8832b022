/// A client and a handler that ask each other.
module FunctionalWs.Server.Tests.Talk

open System
open System.Collections.Concurrent
open System.Text.Json
open System.Text.Json.Serialization.Metadata
open System.Threading.Tasks
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

type Question = { What: string }
type Answer = { Value: int }

let private json =
    JsonSerializerOptions(
        JsonSerializerDefaults.Web,
        TypeInfoResolver = DefaultJsonTypeInfoResolver(),
        RespectRequiredConstructorParameters = true
    )

let question = json.GetTypeInfo typeof<Question> :?> JsonTypeInfo<Question>
let answer = json.GetTypeInfo typeof<Answer> :?> JsonTypeInfo<Answer>
let seconds (count: float) = TimeSpan.FromSeconds count

/// A channel whose handler takes all messages, and keeps what it finds.
type Talk(?settings: RequestChannelOptions) =
    let clock = ManualTimeProvider()
    let records = new Records()
    let channel = TaskCompletionSource<RequestChannel>()
    let connected = TaskCompletionSource<ServerConnection>()
    let requests = new BlockingCollection<IncomingRequest>()
    let others = new BlockingCollection<string>()

    let handle (connection: ServerConnection) =
        let own = RequestChannel(connection, Option.toObj settings)
        connected.SetResult connection
        channel.SetResult own

        for message in connection do
            match own.TryTake message with
            | false, _ -> others.Add message.Text
            | true, null -> ()
            | true, request -> requests.Add request

    let server =
        inMemory
            handle
            (ServerOptions(TimeProvider = clock, LoggerFactory = records, PingInterval = Nullable()))

    let client = client server

    let take (what: string) (found: BlockingCollection<'T>) =
        let mutable item = Unchecked.defaultof<'T>

        if not (found.TryTake(&item, Wait.limit)) then
            failwith $"waited in vain for {what}"

        item

    member _.Clock = clock
    member _.Records = records
    member _.Client = client
    member _.Connection = Wait.forTask "the connection" connected.Task
    member _.Channel = Wait.forTask "the channel" channel.Task
    member _.Request() = take "a request" requests
    member _.Other() = take "another message" others

    /// Waits until all that the client has sent is taken.
    member talk.Settle() =
        client.SendText "settled"
        talk.Other() =! "settled"

    /// True when nothing is kept for any request, nor a timer.
    member talk.IsSettled =
        talk.Channel.Pending = 0
        && talk.Channel.Unanswered = 0
        && clock.NextDue = Int64.MaxValue

    interface IDisposable with
        member _.Dispose() =
            client.Transport.Abort()
            server.Dispose()

/// What a task has failed with.
let failure (work: Task) : exn =
    Wait.until "it has ended" (fun () -> work.IsCompleted)
    Wait.throws<exn>(fun () -> work.GetAwaiter().GetResult())
