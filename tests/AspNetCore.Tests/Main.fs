module FunctionalWs.AspNetCore.Tests.Main

open FunctionalWs.TestKit

[<EntryPoint>]
let main args = TestPlatform.run args
