/// What the server does with each client.
module Echo

open FunctionalWs

/// Runs on a thread of its own for each client, so it may simply wait.
let handle (connection: ServerConnection) : unit =
    for message in connection do // ends when the client closes
        connection.Send message // text as text, binary as binary
