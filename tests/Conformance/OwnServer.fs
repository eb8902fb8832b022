namespace FunctionalWs.Conformance

open System
open System.Diagnostics
open System.IO
open System.Threading

/// Our sample Echo in a process of its own, on a free port.
[<Sealed>]
type OwnServer() =
    let startTime = TimeSpan.FromSeconds 60.0

    // What this program was built as, the sample was, too.
    let configuration =
        AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)
        |> Path.GetDirectoryName
        |> Path.GetFileName

    let program =
        Path.Combine(
            __SOURCE_DIRECTORY__,
            "..",
            "..",
            "samples",
            "Echo",
            "bin",
            configuration,
            "net10.0",
            "Echo.dll"
        )

    let start = ProcessStartInfo("dotnet", [ program; "--port"; "0" ])
    do start.RedirectStandardOutput <- true
    let server = Process.Start start

    let address =
        let line = server.StandardOutput.ReadLineAsync()

        if not (line.Wait startTime) || isNull line.Result then
            failwith "the server did not start"

        Uri(line.Result.Replace("listening on ", ""))

    member _.Address = address

    interface IDisposable with
        member _.Dispose() =
            server.Kill()
            server.WaitForExit(10_000) |> ignore
            server.Dispose()
