module FunctionalWs.Protocol.Tests.Main

open FunctionalWs.TestKit

[<EntryPoint>]
let main args =
    let result = TestPlatform.run args
    Recorded.write ()
    result
