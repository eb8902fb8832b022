/// Servers of other languages, each in a process of its own, which ends with its input. They print their port, and then a line for each
/// connection that has ended: the stream's id and its messages.
module FunctionalWs.Differential.ChildServer

open System
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Threading

/// The folder that this program was built in.
let private root =
    let rec search (folder: DirectoryInfo) =
        if isNull folder then
            Directory.GetCurrentDirectory()
        elif File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln")) then
            folder.FullName
        else
            search folder.Parent

    search (DirectoryInfo AppContext.BaseDirectory)

let private take (deliveries: Deliveries) (line: string) : unit =
    match List.ofArray (line.Split(' ', StringSplitOptions.RemoveEmptyEntries)) with
    | id :: messages -> deliveries.Add(id, { Messages = messages; Cause = "-" })
    | [] -> ()

let private lines (reader: StreamReader) : string seq =
    Seq.initInfinite (fun _ -> reader.ReadLine()) |> Seq.takeWhile (isNull >> not)

/// A process and its port, and another one when it has ended by itself.
[<Sealed>]
type private Child(name: string, start: ProcessStartInfo) =
    let deliveries = Deliveries()
    let gate = obj ()

    let tell (line: string) =
        if not (String.IsNullOrEmpty line) then
            eprintfn $"{name}: {line}"

    let read (reader: StreamReader) (each: string -> unit) =
        Thread((fun () -> Seq.iter each (lines reader)), IsBackground = true).Start()

    let run () : struct (Process * int) =
        let child = Process.Start start
        let told = ref ""
        // Not by a task: the pool's threads may all wait for this.
        let reader =
            Thread((fun () -> told.Value <- child.StandardOutput.ReadLine()), IsBackground = true)

        read child.StandardError tell
        reader.Start()
        reader.Join Limits.patience |> ignore

        match Int32.TryParse told.Value with
        | true, port ->
            read child.StandardOutput (take deliveries)
            child, port
        | false, _ ->
            child.StandardInput.Close()
            raise (InvalidOperationException $"{name}'s server doesn't start")

    let mutable current = run ()

    member _.Deliveries = deliveries

    member _.Port() : int =
        lock gate (fun () ->
            let struct (child, port) = current

            if child.HasExited then
                eprintfn $"{name}: its server has ended, and is started again"

                try
                    current <- run ()
                with :? InvalidOperationException as error ->
                    eprintfn $"{error.Message}"

                let struct (_, port) = current
                port
            else
                port)

    member _.Stop() : unit =
        let struct (child, _) = current

        if not child.HasExited then
            child.StandardInput.Close()

        if not (child.WaitForExit 5_000) then
            child.Kill()

        child.Dispose()

let private start (name: string) (program: string) (script: string list) : Result<Peer, string> =
    let start =
        ProcessStartInfo(
            program,
            [ Path.Combine(root :: script |> Array.ofList) ],
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    try
        let child = Child(name, start)

        Ok {
            Name = name
            IsOurs = false
            Port = child.Port
            Deliveries = child.Deliveries
            Stop = child.Stop
        }
    with
    | :? Win32Exception -> Error $"{name} is left out: there is no {program}"
    | :? InvalidOperationException as error -> Error $"{name} is left out: {error.Message}"

/// npm's ws.
let startWs () : Result<Peer, string> =
    start "ws" "node" [ "tests"; "node"; "recorder.mjs" ]

/// Python's websockets.
let startWebsockets () : Result<Peer, string> =
    start "websockets" "/usr/bin/python3" [ "tests"; "python"; "recorder.py" ]
