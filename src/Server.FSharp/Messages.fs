// Handlers for messages, of functions: for each message, or as a fold over them.
namespace FunctionalWs.FSharp

open System
open System.Threading.Tasks
open FunctionalWs

/// A connection's state, which each of its messages makes anew.
type private Folding<'State>
    (
        init: ServerConnection -> 'State,
        update: ServerConnection -> 'State -> Message -> 'State,
        closed: ServerConnection -> 'State -> unit
    ) =
    inherit MessageHandler()

    let mutable state = ValueNone // until there is one

    override _.Opened connection = state <- ValueSome(init connection)

    override _.Received(connection, message) =
        let kept = message.ToMessage()
        state <- ValueOption.map (fun state -> update connection state kept) state

    override _.Closed connection =
        ValueOption.iter (closed connection) state

/// <summary>
/// Handlers for messages, for wherever a handler of connections is taken: servers, routes, Unix sockets, hosting, tests. No thread waits
/// for a connection's messages; for one connection calls never overlap, and come in order. A call may block: others are served by another
/// thread then. What a function throws closes the connection with 1011.
/// </summary>
module Messages =

    /// <summary>A handler that is called for each message.</summary>
    /// <param name="received">Called with the connection and the message.</param>
    let forEach (received: ServerConnection -> Message -> unit) : ServerConnection -> unit =
        MessageHandler.ForEach(
            Action<ServerConnection, Message>(fun connection message -> received connection message)
        )
        |> Delegates.toMessageFunction

    /// <summary>
    /// A handler that is called for each message, and asynchronous: the next message of its connection waits for the task, other
    /// connections don't.
    /// </summary>
    /// <param name="received">Called with the connection and the message. A task that fails closes the connection with 1011.</param>
    let forEachTask (received: ServerConnection -> Message -> Task<unit>) : ServerConnection -> unit =
        MessageHandler.ForEach(
            Func<ServerConnection, Message, Task>(fun connection message ->
                received connection message :> Task)
        )
        |> Delegates.toMessageFunction

    /// <summary>
    /// A handler that is a task for as long as its connection is served, asks for messages by <c>Connection.tryReceiveTask</c>, and has no
    /// thread while it waits. The connection closes with 1000 when the task has ended.
    /// </summary>
    /// <param name="handler">Called for each connection. A task that fails closes the connection with 1011.</param>
    let converse (handler: ServerConnection -> Task<unit>) : ServerConnection -> unit =
        MessageHandler.Converse(Func<ServerConnection, Task>(fun connection -> handler connection :> Task))
        |> Delegates.toMessageFunction

    /// <summary>A handler that folds the messages of each connection, and is told of its end.</summary>
    /// <param name="init">Makes the connection's first state, when it is open. It may send.</param>
    /// <param name="update">Makes the next state of one message. It may send, and close.</param>
    /// <param name="closed">
    /// Called with the last state once the connection has closed; not when <c>init</c> has thrown. What it throws is logged.
    /// </param>
    let foldUntil
        (init: ServerConnection -> 'State)
        (update: ServerConnection -> 'State -> Message -> 'State)
        (closed: ServerConnection -> 'State -> unit)
        : ServerConnection -> unit =
        MessageHandler.ForEach(
            Func<ServerConnection, MessageHandler>(fun _ -> new Folding<'State>(init, update, closed))
        )
        |> Delegates.toMessageFunction

    /// <summary>A handler that folds the messages of each connection; <c>foldUntil</c> tells more.</summary>
    /// <param name="init">Makes the connection's first state, when it is open. It may send.</param>
    /// <param name="update">Makes the next state of one message. It may send, and close.</param>
    let fold
        (init: ServerConnection -> 'State)
        (update: ServerConnection -> 'State -> Message -> 'State)
        : ServerConnection -> unit =
        foldUntil init update (fun _ _ -> ())
