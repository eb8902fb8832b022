namespace FunctionalWs.Threat.Tests

open System
open System.Diagnostics
open System.IO
open System.Runtime.InteropServices
open FunctionalWs

type private Arm = delegate of string * int * int * int -> unit
type private Switch = delegate of int -> unit
type private Ask = delegate of unit -> int
type private Tell = delegate of unit -> unit

/// Real system calls that fail: a library before the C library, compiled where there is a compiler. See faults.c.
type NativeFaults(path: string) =
    let library = NativeLibrary.Load path

    let export (name: string) : 'call =
        Marshal.GetDelegateForFunctionPointer<'call>(NativeLibrary.GetExport(library, name))

    let arm: Arm = export "faults_arm"
    let count: Switch = export "faults_count"
    let counted: Ask = export "faults_counted"
    let hit: Ask = export "faults_hit"
    let spare: Tell = export "faults_spare"

    // Calls that the library makes by itself; those of the runtime go through LD_PRELOAD.
    do
        NativeLibrary.SetDllImportResolver(
            typeof<Server>.Assembly,
            fun name _ _ -> if name = "libc" then library else 0n
        )

        spare.Invoke()

    /// The n-th call of a kind fails. Of polls the next, too: whoever asks for many sockets at once asks for each when that fails.
    member _.Arm(kind: string, n: int, error: int) =
        arm.Invoke(kind, n, error, (if kind = "poll" then 2 else 1))

    member _.Count(isOn: bool) = count.Invoke(if isOn then 1 else 0)
    member _.Counted = counted.Invoke()

    /// The port of the client whose call failed; -1 for a call on no connection, 0 when none has failed.
    member _.Hit = hit.Invoke()

module NativeFaults =

    /// What is missing for it, if anything is.
    let missing: string option =
        let hasCompiler =
            Environment.GetEnvironmentVariable("PATH").Split Path.PathSeparator
            |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, "cc")))

        if not (OperatingSystem.IsLinux()) then Some "Linux"
        elif not hasCompiler then Some "a C compiler (cc)"
        else None

    /// The library's path.
    let path: Lazy<string> =
        lazy
            (let path = Path.Combine(Path.GetTempPath(), $"faults-{Environment.ProcessId}.so")
             let source = Path.Combine(AppContext.BaseDirectory, "faults.c")

             use compiler =
                 Process.Start("cc", [ "-shared"; "-fPIC"; "-O1"; "-o"; path; source; "-ldl" ])

             compiler.WaitForExit()

             if compiler.ExitCode <> 0 then
                 failwith "faults.c could not be compiled"

             path)
