/// What the system tells of a process, and signals to it.
module FunctionalWs.Threat.Tests.Processes

open System
open System.Diagnostics
open System.IO

/// A line of /proc/PID/status, such as `VmRSS:      1234 kB`.
let private status (id: int) (name: string) : int64 =
    File.ReadLines $"/proc/{id}/status"
    |> Seq.find _.StartsWith($"{name}:", StringComparison.Ordinal)
    |> _.Substring(name.Length + 1)
    |> _.Replace("kB", "")
    |> _.Trim()
    |> int64

/// Memory that is resident now, in bytes.
let resident (id: int) : int64 = 1024L * status id "VmRSS"

/// The most that was resident since the last call of `forgetPeak`.
let peak (id: int) : int64 = 1024L * status id "VmHWM"

let forgetPeak (id: int) =
    File.WriteAllText($"/proc/{id}/clear_refs", "5")

let threads (id: int) : int = int (status id "Threads")

let descriptors (id: int) : int =
    Directory.GetFileSystemEntries($"/proc/{id}/fd").Length

/// The time that a process has computed, over all its threads.
let computed (id: int) : TimeSpan =
    use running = Process.GetProcessById id
    running.TotalProcessorTime

let signal (id: int) (name: string) =
    use kill = Process.Start("kill", [ $"-{name}"; string id ])
    kill.WaitForExit()

/// Runs this program again in another role. The environment is changed as told, and the limit on descriptors.
let again (role: string) (arguments: string list) (environment: (string * string) list) (limit: int option) =
    let program = Reflection.Assembly.GetExecutingAssembly().Location

    let command =
        match limit with
        | Some count -> [ "sh"; "-c"; $"ulimit -n {count} && exec dotnet \"$0\" \"$@\""; program ]
        | None -> [ "dotnet"; program ]

    let start =
        ProcessStartInfo(
            List.head command,
            List.tail command @ role :: arguments,
            RedirectStandardInput = true,
            RedirectStandardOutput = true
        )

    for name, value in environment do
        start.Environment[name] <- value

    Process.Start start
