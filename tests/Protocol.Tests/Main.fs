module FunctionalWs.Protocol.Tests.Main

open Expecto

[<EntryPoint>]
let main args =
    let result = runTestsInAssemblyWithCLIArgs [] args
    Recorded.write ()
    result
