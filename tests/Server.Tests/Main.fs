module FunctionalWs.Server.Tests.Main

open FunctionalWs.TestKit

/// `record` records conversations of real clients anew, all or those that are named, instead of running tests.
[<EntryPoint>]
let main args =
    match List.ofArray args with
    | "record" :: names ->
        Conversations.recordAnew names
        0
    | _ -> TestPlatform.run args
