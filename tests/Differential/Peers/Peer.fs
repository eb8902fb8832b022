namespace FunctionalWs.Differential

open System

/// A server that streams are sent to.
type Peer = {
    Name: string
    IsOurs: bool
    /// Of the server that there is now: another is started for one that has ended by itself.
    Port: unit -> int
    Deliveries: Deliveries
    Stop: unit -> unit
}

module Limits =

    /// The longest message that every server takes, in bytes.
    let maxMessageSize = 65_536

    /// After which no server and no client of it is waited for any more.
    let patience = TimeSpan.FromSeconds 10.0
