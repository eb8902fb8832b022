/// The connection's steps, noted when EDGES names a file for them: which of its edges the tests take.
module FunctionalWs.Protocol.Tests.Recorded

open System
open System.Collections.Concurrent
open System.IO
open FunctionalWs.Explore
open FunctionalWs.Protocol

let private file = Environment.GetEnvironmentVariable "EDGES"

let private taken = ConcurrentDictionary<string, bool>()

let private note (edge: unit -> StateEdge) : unit =
    if not (String.IsNullOrEmpty file) then
        taken[(edge ()).ToString()] <- true

/// Writes what was taken, a line for each edge.
let write () : unit =
    if not (String.IsNullOrEmpty file) then
        File.WriteAllLines(file, Seq.sortWith (fun a b -> String.CompareOrdinal(a, b)) taken.Keys)

module private Core =
    let receive = Connection.receive
    let send = Connection.send

/// Opened after the library's namespace, these stand before its functions of the same names.
module Connection =
    let receive (settings: ConnectionSettings) (state: State) (input: Input) : Transition =
        let transition = Core.receive settings state input
        note (fun () -> StateEdge.ofReceive state input transition)
        transition

    let send (state: State) (command: Command) : SendResult =
        let result = Core.send state command

        note (fun () -> StateEdge.ofSend state command result)
        result
