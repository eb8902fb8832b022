namespace FunctionalWs.Conformance

open System
open System.Diagnostics
open System.IO
open System.Threading

module Repository =

    /// The folder that this program was built in; where it runs, if that is somewhere else.
    let root =
        let isRoot (folder: DirectoryInfo) =
            File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln"))

        let rec search (folder: DirectoryInfo) =
            if isNull folder then Directory.GetCurrentDirectory()
            elif isRoot folder then folder.FullName
            else search folder.Parent

        search (DirectoryInfo AppContext.BaseDirectory)

/// Our sample Echo in a process of its own, on a free port, with a handler of connections or one for messages.
[<Sealed>]
type OwnServer(handler: string) =
    let startTime = TimeSpan.FromSeconds 60.0

    // What this program was built as, the sample was, too.
    let configuration =
        AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)
        |> Path.GetDirectoryName
        |> Path.GetFileName

    let program =
        Path.Combine(Repository.root, "samples", "Echo", "bin", configuration, "net10.0", "Echo.dll")

    let start =
        ProcessStartInfo("dotnet", [ program; "--port"; "0"; "--handler"; handler ])

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
