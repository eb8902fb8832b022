module FunctionalWs.Api.Tests.Main

open FunctionalWs.TestKit

/// `update` writes the public surface down instead of comparing it.
[<EntryPoint>]
let main args =
    match args with
    | [| "update" |] ->
        Packages.update ()
        0
    | _ -> TestPlatform.run args
