/// As Unquote's, but for what holds: to take a quotation to pieces takes longer than a schedule.
module FunctionalWs.Simulation.Tests.Asserting

open Swensen.Unquote

let (=!) (actual: 'a) (expected: 'a) =
    if actual <> expected then
        test <@ actual = expected @>
