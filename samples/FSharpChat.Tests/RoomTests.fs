/// What holds of a room, whatever its people say.
module RoomTests

open System
open Expecto
open Room

let private ada = { Name = "Ada"; Said = 2 }

/// The state after some texts, and all that was told.
let private after (texts: string list) : Member * Told list =
    let step (me, told) text =
        let next, more = say me text
        next, told @ more

    List.fold step (enter "Ada") texts

[<Tests>]
let tests =
    testList "a room" [
        testCase "what is said is told everybody" (fun () ->
            Expect.equal (say ada "hello") ({ ada with Said = 3 }, [ Everybody "Ada: hello" ]) "the step")

        testCase "a name is changed" (fun () ->
            Expect.equal
                (say ada "/name Ada-2")
                ({ ada with Name = "Ada-2" }, [ Everybody "Ada is Ada-2 now" ])
                "the step")

        testCase "what isn't understood is told alone" (fun () ->
            Expect.equal (say ada "/shout hello") (ada, [ Only "/name NAME or /count" ]) "the step")

        testProperty "each text leads to one thing that is told" (fun (texts: string list) ->
            let texts = List.map string texts // FsCheck's may be null
            let _, told = after texts
            told.Length = texts.Length + 1)

        testProperty "a name is always one" (fun (names: string list) ->
            let me, _ = after [ for name in names -> $"/name {name}" ]
            me.Name.Length >= 1 && me.Name.Length <= maxName)

        testProperty
            "everything that is told everybody was said, or is about a name"
            (fun (texts: string list) ->
                let me, told = after (List.map string texts)

                let isSaid (told: Told) =
                    match told with
                    | Everybody text -> text.Contains(": ", StringComparison.Ordinal)
                    | Only _ -> false

                (told |> List.filter isSaid |> List.length) = me.Said)
    ]
