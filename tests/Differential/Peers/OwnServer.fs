/// Our server, with a handler for connections or one for messages.
module FunctionalWs.Differential.OwnServer

open System
open System.Collections.Concurrent
open System.Collections.Generic
open FSharp.Reflection
open FunctionalWs
open FunctionalWs.Protocol
open Microsoft.Extensions.Logging.Abstractions

let private options =
    ServerOptions(
        MaxMessageSize = Limits.maxMessageSize,
        LoggerFactory = NullLoggerFactory.Instance,
        PingInterval = Nullable()
    )

let private describe (message: Message) =
    Deliveries.Describe(message.Kind = MessageKind.Text, message.Data.Span)

let private nameOf (error: ProtocolError) : string =
    let case, _ = FSharpValue.GetUnionFields(error, typeof<ProtocolError>)
    case.Name

let private cause (error: ConnectionClosedException) : string =
    match error.InnerException with
    | :? WebSocketProtocolException as broken -> nameOf broken.Error
    | _ -> "-"

let private receive (deliveries: Deliveries) (connection: ServerConnection) : unit =
    let messages = List<string>()

    let rec next () =
        messages.Add(describe (connection.Receive()))
        next ()

    let cause =
        try
            next ()
        with :? ConnectionClosedException as error ->
            cause error

    deliveries.Add(
        Deliveries.IdOf connection.Request.Target,
        {
            Messages = List.ofSeq messages
            Cause = cause
        }
    )

[<Sealed>]
type private Recorder(deliveries: Deliveries) =
    inherit MessageHandler()
    let messages = List<string>()

    override _.Received(_: ServerConnection, message: LentMessage) =
        messages.Add(describe (message.ToMessage()))

    override _.Closed(connection: ServerConnection) =
        deliveries.Add(
            Deliveries.IdOf connection.Request.Target,
            {
                Messages = List.ofSeq messages
                Cause = "-"
            }
        )

let private peer (name: string) (deliveries: Deliveries) (server: Server) : Peer =
    server.Start()

    {
        Name = name
        IsOurs = true
        Port = fun () -> server.Port
        Deliveries = deliveries
        Stop = server.Dispose
    }

/// With a handler that has the connection's thread.
let start () : Peer =
    let deliveries = Deliveries()

    Server.Serve(Action<ServerConnection>(receive deliveries), "127.0.0.1", 0, options)
    |> peer "ours" deliveries

/// With a handler that is called for each message.
let startMessages () : Peer =
    let deliveries = Deliveries()
    let make = Func<ServerConnection, MessageHandler>(fun _ -> Recorder deliveries)
    Server.Serve(make, "127.0.0.1", 0, options) |> peer "messages" deliveries
