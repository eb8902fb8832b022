// Requests over a connection: what a message is to their channel, as a value to match on.
namespace FunctionalWs.FSharp

open FunctionalWs

/// <summary>What a message is to a channel of requests.</summary>
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type Taken =
    /// <summary>A request of the peer's, to be answered once.</summary>
    | Request of Request: IncomingRequest
    /// <summary>A response, which whoever waits for it has got; or one that comes too late.</summary>
    | Response
    /// <summary>Neither: the message is the handler's.</summary>
    | Other

/// <summary>Requests and responses over a connection, among messages of other kinds.</summary>
module Requests =

    /// <summary>Takes a message that was received: brings a response to who waits for it, gives a request.</summary>
    /// <param name="message">The message.</param>
    /// <param name="channel">The connection's channel.</param>
    let take (message: Message) (channel: RequestChannel) : Taken =
        match channel.TryTake message with
        | false, _ -> Taken.Other
        | true, request ->
            match request with
            | null -> Taken.Response
            | request -> Taken.Request request
