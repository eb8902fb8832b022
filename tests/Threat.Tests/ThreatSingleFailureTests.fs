/// Each operation of a kind fails once, in turn: a pooled buffer, an array, a call of zlib or of the system, a callback.
module FunctionalWs.Threat.Tests.ThreatSingleFailureTests

open System
open System.Diagnostics
open Expecto
open FunctionalWs.Server.Tests

/// In every build some places of each kind, with a fixed stride; in full size all of them, and of buffers always: that is
/// where something was found.
let private most (kind: string) =
    if kind = "buffers" then
        Scale.size 150 Int32.MaxValue
    else
        Scale.size 12 Int32.MaxValue

let private limit =
    if Scale.isFull then
        TimeSpan.FromMinutes 10.0
    else
        TimeSpan.FromMinutes 1.0

/// Runs this program in another role; gives what that has told.
let private runAs (role: string) (arguments: string list) (environment: (string * string) list) : string =
    let running = Processes.again role arguments environment None
    let told = running.StandardOutput.ReadToEndAsync()

    if not (running.WaitForExit limit) then
        running.Kill()
        failwith $"it goes on for ever: {told.Result}"

    if running.ExitCode <> 0 then
        failwith $"the process has ended with {running.ExitCode}: {told.Result}"

    told.Result

/// Runs the conversations of a kind in a process of their own.
let private run (kind: string) (face: string) (stream: string) =
    runAs "failing" [ kind; face; stream; string (most kind) ]

let private judge (name: string) (told: string) =
    let last = told.TrimEnd().Split '\n' |> Array.last

    if
        told.Contains "FOUND"
        || not (last.StartsWith("tried ", StringComparison.Ordinal))
    then
        failwith told

    if last.StartsWith("tried 0 ", StringComparison.Ordinal) then
        failwith "nothing was tried: the conversation does nothing of this kind"

    Scale.tell $"E9 {name}: {last}"

let private isChosen (isEssential: bool) = isEssential || Scale.isFull

/// What fails, how handlers are called, over what; and whether every build has it.
let private seams = [
    "buffers", "blocking", "plain", true
    "buffers", "called", "plain", false
    "buffers", "asked", "plain", false
    "buffers", "blocking", "tls", false
    "buffers", "called", "tls", true
    "buffers", "asked", "tls", false
    "arrays", "blocking", "plain", true
    "arrays", "called", "plain", false
    "arrays", "asked", "tls", false
    "zlib", "blocking", "plain", true
    "zlib", "called", "plain", false
    "zlib", "asked", "tls", false
    "threads", "blocking", "plain", true
    "threads", "called", "tls", false
    "clock", "blocking", "plain", true
    "clock", "called", "plain", false
    "clock", "called", "tls", false
    "log", "blocking", "plain", false
    "log", "called", "plain", true
    "log", "asked", "tls", false
    "metrics", "blocking", "plain", false
    "metrics", "called", "plain", true
    "traces", "blocking", "plain", false
    "traces", "called", "plain", true
    "hooks", "blocking", "plain", true
    "hooks", "called", "plain", true
    "hooks", "asked", "tls", false
    "certificate", "called", "tls", true
]

/// Calls of the system by name, with the number of the error: what Linux says that they may fail with, and EINTR (4), which
/// must not be noticed by anybody.
let private calls = [
    "accept4", 24, "blocking", "plain", true // EMFILE
    "accept4", 103, "called", "plain", false // ECONNABORTED
    "accept4", 12, "called", "plain", false // ENOMEM
    "accept4", 4, "called", "plain", true
    "accept4", 24, "called", "unix", false
    "recv", 104, "blocking", "plain", true // ECONNRESET
    "recv", 104, "called", "plain", true
    "recv", 104, "asked", "plain", false
    "recv", 104, "blocking", "tls", false
    "recv", 12, "called", "plain", false
    "recv", 4, "blocking", "plain", false
    "recv", 4, "called", "plain", true
    "recv", 4, "called", "tls", false
    "send", 32, "blocking", "plain", true // EPIPE
    "send", 104, "called", "plain", false
    "send", 105, "called", "plain", true // ENOBUFS
    "send", 32, "called", "tls", false
    "send", 4, "blocking", "plain", false
    "send", 4, "called", "plain", false
    "sendmsg", 32, "blocking", "plain", true
    "sendmsg", 4, "called", "plain", false
    "poll", 12, "blocking", "plain", true
    "poll", 12, "blocking", "tls", false
    "poll", 4, "blocking", "plain", false
    "epoll_wait", 22, "called", "plain", true // EINVAL
    "epoll_wait", 4, "called", "plain", false
    "epoll_ctl", 12, "called", "plain", true
    "epoll_ctl", 28, "asked", "plain", false // ENOSPC
    "epoll_create1", 24, "called", "plain", true
    "eventfd", 24, "called", "plain", true
    "shutdown", 107, "blocking", "plain", false // ENOTCONN
    "shutdown", 107, "called", "plain", false
    "ioctl", 5, "blocking", "plain", false // EIO
    "fcntl", 5, "called", "plain", false
    "getsockopt", 105, "blocking", "unix", false
    "getsockname", 105, "blocking", "unix", false
    "getpeername", 105, "called", "unix", false
]

let private allocations =
    testList "of what the library asks for" [
        for kind, face, stream, isEssential in seams do
            if isChosen isEssential then
                let name = $"{kind}, {face}, {stream}"

                testCase $"E9 {name}: one connection is lost at most, nothing else" (fun () ->
                    judge name (run kind face stream []))
    ]

let private testCall: string -> (unit -> unit) -> Test =
    Programs.testIf (defaultArg NativeFaults.missing "nothing") NativeFaults.missing.IsNone

let private system =
    testList "of calls of the system" [
        for call, error, face, stream, isEssential in calls do
            if isChosen isEssential then
                let name = $"{call} with error {error}, {face}, {stream}"

                testCall $"E9 {name}: the connection that it was for is lost at most, nothing else" (fun () ->
                    judge name (run $"{call}:{error}" face stream [ "LD_PRELOAD", NativeFaults.path.Value ]))
    ]

let private looks =
    testCall "E9 looks of the watcher at silent clients: a client that pings is answered" (fun () ->
        judge "looks at silent clients" (runAs "silent" [] [ "LD_PRELOAD", NativeFaults.path.Value ]))

[<Tests>]
let failures =
    testSequenced (testList "threats of single failures" [ allocations; system; looks ])
