/// What tests have in common of which all schedules are run.
module FunctionalWs.Simulation.Tests.Exploring

open System
open Swensen.Unquote
open FunctionalWs

/// As Unquote's, but for what holds: to take a quotation to pieces takes longer than a schedule.
let (=!) (actual: 'a) (expected: 'a) =
    if actual <> expected then
        test <@ actual = expected @>

let milliseconds (count: int) = TimeSpan.FromMilliseconds(float count)

/// Nothing is pinged: time passes only where a scenario lets it.
let quiet = ServerOptions(PingInterval = Nullable(), Compression = null)
