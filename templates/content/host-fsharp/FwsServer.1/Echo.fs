namespace global

open FunctionalWs.Hosting
open Microsoft.Extensions.Logging

/// What the server does with a client. Made for each of them, with services in its constructor.
type Echo(logger: ILogger<Echo>) =
    interface IConnectionHandler with
        /// Runs on a thread of its own for each client, so it may simply wait.
        member _.Handle connection =
            logger.LogInformation("{Client} has come", connection.RemoteEndPoint)

            for message in connection do // ends when the client closes
                connection.Send message // text as text, binary as binary
