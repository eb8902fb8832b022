module FunctionalWs.Explore.Tests.Main

open Expecto

[<EntryPoint>]
let main args = runTestsInAssemblyWithCLIArgs [] args
