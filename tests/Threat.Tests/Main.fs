module FunctionalWs.Threat.Tests.Main

open FunctionalWs.TestKit

[<EntryPoint>]
let main args =
    match List.ofArray args with
    | "victim" :: arguments -> VictimProgram.run arguments
    | "crowd" :: arguments -> Crowd.run arguments
    | "failing" :: arguments -> FailingProgram.run arguments
    | [ "silent" ] -> SilentProgram.run ()
    | [ "soaked" ] -> SoakedProgram.run ()
    | _ -> TestPlatform.run args
