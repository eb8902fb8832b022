// Handlers of connections as functions of F#, and as the delegates that the server takes.
namespace FunctionalWs.FSharp

open System
open System.Threading.Tasks
open FunctionalWs

/// A handler that is called for each message. As a function it goes wherever one of connections does; a server knows it again, and
/// keeps no thread for it.
[<Sealed>]
type private MessageFunction<'Nothing>(handler: Action<ServerConnection>, nothing: 'Nothing) =
    inherit FSharpFunc<ServerConnection, 'Nothing>()

    member _.Handler = handler

    override _.Invoke connection =
        handler.Invoke connection
        nothing

module internal Delegates =

    let toMessageFunction (handler: Action<ServerConnection>) : ServerConnection -> unit =
        unbox (box (MessageFunction<unit>(handler, ())))

    let ofHandler (handler: ServerConnection -> unit) : Action<ServerConnection> =
        match box handler with
        | :? MessageFunction<unit> as messages -> messages.Handler
        | _ -> Action<ServerConnection> handler

/// <summary>Handlers of connections: functions that run for as long as their connection is served, on a thread that may wait.</summary>
module Handler =

    /// <summary>A handler of one that is asynchronous: its connection's thread waits for the task.</summary>
    /// <param name="handler">Called for each connection. When its task has failed, the connection is closed with 1011.</param>
    /// <param name="connection">The connection.</param>
    let ofTask (handler: ServerConnection -> Task<unit>) (connection: ServerConnection) : unit =
        HandlerContext.AwaitHandler(handler connection)
