/// Programs that other people wrote, as child processes. What the machine lacks is skipped, which the totals tell.
module FunctionalWs.Server.Tests.Programs

open System
open System.Diagnostics
open System.IO
open Expecto

/// The folder of the solution.
let root =
    let rec up (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln")) then
            folder.FullName
        else
            up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// Where a program is; daemons are not on everybody's path.
let find (program: string) : string option =
    let path = Environment.GetEnvironmentVariable("PATH").Split Path.PathSeparator

    Array.append path [| "/usr/sbin"; "/sbin" |]
    |> Array.map (fun folder -> Path.Combine(folder, program))
    |> Array.tryFind File.Exists

/// A test that is skipped, and said to be so, unless something is there.
let testIf (what: string) (isThere: bool) (name: string) (body: unit -> unit) : Test =
    if isThere then
        testCase name body
    else
        printfn $"skipped for want of {what}: {name}"
        ptestCase name body

let start (program: string) (arguments: string list) : Process =
    let running =
        Process.Start(
            ProcessStartInfo(program, arguments, RedirectStandardOutput = true, RedirectStandardError = true)
        )

    running

/// The exit code, and what was written to both outputs. A program that doesn't end is ended.
let run (program: string) (arguments: string list) : int * string =
    use running = start program arguments
    let output = running.StandardOutput.ReadToEndAsync()
    let errors = running.StandardError.ReadToEndAsync()

    if not (running.WaitForExit(2.0 * Wait.limit)) then
        running.Kill true
        failwith $"waited in vain for {program} to end"

    running.ExitCode, output.Result + errors.Result

let private nodeFolder = Path.Combine(root, "tests", "node")

/// True when Node.js is there, and the package `ws`, which is installed if need be.
let hasNodeClient: Lazy<bool> =
    lazy
        (let isInstalled () =
            Directory.Exists(Path.Combine(nodeFolder, "node_modules", "ws"))

         match find "node", find "npm" with
         | None, _ -> false
         | Some _, Some npm when not (isInstalled ()) ->
             fst (run npm [ "ci"; "--prefix"; nodeFolder ]) = 0 && isInstalled ()
         | Some _, _ -> isInstalled ())

/// What another script for Node.js prints.
let nodeScript (script: string) (arguments: string list) : string =
    let code, output = run "node" (Path.Combine(nodeFolder, script) :: arguments)

    if code = 0 then output else failwith output

/// Runs a case of the Node.js client; fails with what it wrote.
let node (case: string) (arguments: string list) : unit =
    let script = Path.Combine(nodeFolder, "client.mjs")
    let code, output = run "node" (script :: case :: arguments)

    if code <> 0 then
        failwith output
