/// The rooms on a server: routes, and a fold for each connection.
module Chat

open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol

/// Tells what a step leads to, and gives its state.
let private carryOut
    (room: Group)
    (connection: ServerConnection)
    (next: 'State, told: Room.Told list)
    : 'State =
    for one in told do
        match one with
        | Room.Everybody text -> room |> Group.sendText text
        | Room.Only text -> connection |> Connection.sendText text

    next

let private talk (rooms: Groups) (connection: ServerConnection) (name: string) (who: string) : unit =
    let room = rooms[name]

    let enter (connection: ServerConnection) =
        room |> Group.add connection // leaves by itself
        carryOut room connection (Room.enter who)

    let hear (connection: ServerConnection) (me: Room.Member) (message: Message) =
        match message with
        | Text text -> carryOut room connection (Room.say me text)
        | Binary _ ->
            connection |> Connection.close CloseCode.UnsupportedData "text, please"
            me

    let leave (connection: ServerConnection) (me: Room.Member) =
        carryOut room connection ((), Room.leave me)

    connection |> Messages.foldUntil enter hear leave

/// The paths of a server with rooms of its own.
let routes () : Rule list =
    let rooms = Groups()

    [
        Route.get ("/", (fun connection -> connection.Send "Ask for /room/ROOM/NAME."))
        Route.get ("/room/{room:length(1,20)}/{name:alpha:maxlength(20)}", talk rooms)
    ]
