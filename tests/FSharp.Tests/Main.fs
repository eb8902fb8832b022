module FunctionalWs.FSharp.Tests.Main

open Expecto

[<EntryPoint>]
let main args = runTestsInAssemblyWithCLIArgs [] args
