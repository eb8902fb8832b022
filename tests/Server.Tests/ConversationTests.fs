/// What real clients said is answered as it was when it was recorded.
module FunctionalWs.Server.Tests.ConversationTests

open System
open System.IO
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

/// Fails with every changed reaction.
let private isAnsweredAsBefore (name: string) (recording: Recording) =
    let replay = Replay.run recording
    let before = Conversations.reactions name
    let now = ReplayText.lines replay

    let changed = [|
        for index in 0 .. max before.Length now.Length - 1 do
            let was, is = Array.tryItem index before, Array.tryItem index now

            if was <> is then
                $"  - {Option.toObj was}"
                $"  + {Option.toObj is}"
    |]

    if changed.Length > 0 then
        let lines = String.Join(Environment.NewLine, changed)
        failwith $"other reactions than recorded (-: then, +: now):{Environment.NewLine}{lines}"

    replay.IsComplete =! true

[<Tests>]
let tests =
    testList "recorded conversations of real clients" [
        for conversation in Conversations.all do
            testCase $"{conversation.Name} is answered as it was" (fun () ->
                let recording = Conversations.read conversation.Name
                recording.IsCut =! false
                test <@ recording.Steps.Length > 1 @>
                isAnsweredAsBefore conversation.Name recording)

        testCase "there are no others" (fun () ->
            Directory.GetFiles Conversations.folder
            |> Seq.map Path.GetFileName
            |> Seq.sort
            |> Seq.toList
            =! (Conversations.all
                |> List.collect (fun conversation -> [
                    $"{conversation.Name}.txt"
                    $"{conversation.Name}.ws"
                ])
                |> List.sort))

        testCase "the endings are those that they are named after" (fun () ->
            let ending (name: string) =
                let replay = Replay.run (Conversations.read name)
                ReplayText.ofState (replay.StateAfter replay.Steps.Length)

            ending "platform-vanishes" =! "Closed, lost"
            ending "chromium-leaves" =! "Closed, clean: received 1001, then sent 1001"

            test
                <@
                    (ending "platform-too-big")
                        .StartsWith(
                            "Closed, failed: message of at least 101 bytes",
                            StringComparison.Ordinal
                        )
                @>)

        testCase "each changed reaction is listed, with what it was and what it is" (fun () ->
            let recording = Conversations.read "platform-echo"

            let strict = {
                recording.Settings with
                    Limits = Limits.Create(4L, Limits.Unlimited, 10)
            }

            let lines = ReplayText.differences (Replay.runWith strict recording)
            lines[0] =! "step 1, @0 < Text, 5 bytes"
            lines[1] =! "  - Open; tells: text message complete"

            test
                <@
                    lines[2].StartsWith
                        "  + Draining, failed: message of at least 5 bytes exceeds the limit of 4"
                @>

            test <@ lines.Length > 3 * 10 @>)

        testCase "a conversation that is recorded anew is the one that was kept" (fun () ->
            let recording = Conversations.record Conversations.platformEcho
            isAnsweredAsBefore "platform-echo" (RecordingText.ofText (RecordingText.format recording)))
    ]
