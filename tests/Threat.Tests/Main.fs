module FunctionalWs.Threat.Tests.Main

open FunctionalWs.TestKit

[<EntryPoint>]
let main args =
    match List.ofArray args with
    | "victim" :: arguments -> VictimProgram.run arguments
    | "crowd" :: arguments -> Crowd.run arguments
    | _ -> TestPlatform.run args
