// What a notebook shows of values: the words of words.fsx, which is a cell of each notebook on the site. With the kernel's own formatter.
#r "nuget: Microsoft.DotNet.Interactive.Formatting, 1.0.0-beta.26120.1"
#r "../../../src/Protocol.FSharp/bin/Debug/net10.0/FunctionalWs.Protocol.dll"
#load "words.fsx"

open System
open System.Net
open Microsoft.DotNet.Interactive.Formatting
open FunctionalWs.Protocol

let goingAway = CloseStatus.Create(CloseCode.GoingAway, "<back> soon")

let values: (obj * string) list = [
    CloseCode.GoingAway, "1001"
    goingAway, "1001 '<back> soon'"
    DataKind.Text, "Text"
    Connection.start, "Open"
    Command.Close goingAway, "Close 1001 '<back> soon'"
    Limits.Default, string Limits.Default
    Command.Ping(ControlPayload.Create "ab"B), "Ping 6162"
    match Connection.send Connection.start (Command.Close goingAway) with
    | SendResult.Accepted transition -> transition, "CloseSent 1001 '<back> soon'; writes: Close 1001 '<back> soon'"
    | SendResult.Refused error -> failwith $"{error}"
]

let failed = [
    for value, words in values do
        let html = value.ToDisplayString "text/html"

        if html <> WebUtility.HtmlEncode words then
            $"FAIL {value.GetType().Name}: {html}, not {words}"
]

failed |> List.iter (printfn "%s")
printfn $"{values.Length - failed.Length} passed, {failed.Length} failed"
exit (min failed.Length 1)
