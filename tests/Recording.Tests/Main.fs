module FunctionalWs.Recording.Tests.Main

open FunctionalWs.TestKit

[<EntryPoint>]
let main args = TestPlatform.run args
