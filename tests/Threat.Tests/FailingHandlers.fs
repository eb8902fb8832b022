/// Handlers that go on after what is not the end of their connection, as an application may that catches everything.
module FunctionalWs.Threat.Tests.FailingHandlers

open System
open System.Buffers
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Server.Tests

/// Does something, and once more when it fails: what is refused once isn't refused again.
let private again (failing: Failing) (work: unit -> 'a) : 'a =
    try
        work ()
    with error when failing.Is error ->
        work ()

/// Sends back what came, or to all. A text with a bar in it is sent in fragments, of which each but the first begins with one.
let private answer (failing: Failing) (connection: ServerConnection) (message: Message) =
    let text = if message.IsText then message.Text else ""

    again failing (fun () ->
        if text.StartsWith("all ", StringComparison.Ordinal) then
            let audience =
                connection.Server.Connections
                |> Seq.filter (fun other -> other.Request.Target = "/chat")

            Broadcast.Send(audience, message) |> ignore
        elif text.Contains '|' then
            let parts = text.Split '|'
            connection.Send(Array.append parts[..0] [| for part in parts[1..] -> "|" + part |])
        elif text.StartsWith("encoded ", StringComparison.Ordinal) then
            connection.Send text
        else
            connection.Send message)

let private streamed (connection: ServerConnection) : Message =
    let whole = ArrayBufferWriter<byte>()
    let mutable isText = true

    for fragment in connection.ReceiveStreaming() do
        isText <- fragment.IsText
        whole.Write fragment.Data.Span

    if isText then
        Message(Text.Encoding.UTF8.GetString whole.WrittenSpan)
    else
        Message(ReadOnlyMemory(whole.WrittenSpan.ToArray()))

let private borrowed (connection: ServerConnection) : Message =
    let mutable message = Message()

    connection.ReceiveBorrowed(fun kind data ->
        message <-
            if kind = MessageKind.Text then
                Message(Text.Encoding.UTF8.GetString(data.ToArray()))
            else
                Message(ReadOnlyMemory(data.ToArray())))

    message

let private written (connection: ServerConnection) : Message =
    let whole = ArrayBufferWriter<byte>()

    if connection.Receive(whole :> IBufferWriter<byte>) = MessageKind.Text then
        Message(Text.Encoding.UTF8.GetString whole.WrittenSpan)
    else
        Message(ReadOnlyMemory(whole.WrittenSpan.ToArray()))

/// Receives in each of the ways there are, one after the other. A stream that has failed in the middle is not begun again.
let blocking (failing: Failing) (connection: ServerConnection) =
    failing.StepOfHandler()

    connection.Closed.UnsafeRegister((fun _ -> failing.StepOfHandler()), null)
    |> ignore

    let mutable number = 0
    let mutable isOver = false

    while not isOver do
        try
            let message =
                match number % 4 with
                | 0 -> again failing (fun () -> connection.Receive())
                | 1 -> streamed connection
                | 2 -> again failing (fun () -> borrowed connection)
                | _ -> again failing (fun () -> written connection)

            number <- number + 1
            failing.StepOfHandler()
            answer failing connection message
        with :? ConnectionClosedException ->
            isOver <- true

/// Is called for each message, in memory that is lent.
type private Called(failing: Failing) =
    inherit MessageHandler()
    override _.Opened _ = failing.StepOfHandler()

    override _.Received(connection: ServerConnection, message: LentMessage) =
        failing.StepOfHandler()
        let message = message.ToMessage()

        try
            answer failing connection message
        with :? ConnectionClosedException ->
            ()

    override _.Closed _ = failing.StepOfHandler()

let called (failing: Failing) =
    MessageHandler.ForEach(Func<ServerConnection, MessageHandler>(fun _ -> new Called(failing)))

/// A task for each connection, which asks for messages.
let asked (failing: Failing) =
    MessageHandler.Converse(fun connection ->
        task {
            failing.StepOfHandler()
            let mutable isOver = false

            while not isOver do
                try
                    let! message = connection.ReceiveAsync()
                    failing.StepOfHandler()

                    if message.IsText && message.Text.StartsWith "all " then
                        answer failing connection message
                    else
                        try
                            do! connection.SendAsync message
                        with error when failing.Is error ->
                            do! connection.SendAsync message
                with :? ConnectionClosedException ->
                    isOver <- true
        }
        :> Task)
