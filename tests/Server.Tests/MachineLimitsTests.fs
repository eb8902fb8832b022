/// What the system's files say about how many threads there may be; a folder stands in for the system.
module FunctionalWs.Server.Tests.MachineLimitsTests

open System.IO
open Expecto
open Swensen.Unquote
open FunctionalWs

/// What is decided on a machine that has these files: how many connections, and by which limit.
let private decided (files: (string * string) list) : struct (int * string) option =
    let root = Directory.CreateTempSubdirectory "functionalws-machine-"

    try
        for path, text in files do
            let file = root.FullName + path
            Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
            File.WriteAllText(file, text + "\n")

        MachineLimits.MaxConnections(SystemFiles root.FullName) |> Option.ofNullable
    finally
        root.Delete true

let private machine = [
    "/proc/sys/vm/max_map_count", "65530"
    "/proc/sys/kernel/threads-max", "100000"
    "/proc/sys/kernel/pid_max", "4194304"
]

let private version2 =
    "/proc/self/mountinfo",
    "23 1 0:5 / / rw shared:1 - ext4 /dev/root rw\n36 23 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw"

let private inGroup (line: string) = "/proc/self/cgroup", line

let private group (path: string) (max: string) (current: string) = [
    $"/sys/fs/cgroup{path}/pids.max", max
    $"/sys/fs/cgroup{path}/pids.current", current
]

let private byMachine = Some(struct (13_105, "vm.max_map_count"))

[<Tests>]
let machineLimits =
    testList "limits of the machine" [
        testCase "a machine without groups of control is limited by its memory mappings" (fun () ->
            decided machine =! byMachine)

        testCase "a machine that tells nothing limits nothing" (fun () -> decided [] =! None)

        testCase "a machine with few numbers for processes is limited by these" (fun () ->
            decided [ "/proc/sys/kernel/pid_max", "1000" ]
            =! Some(struct (800, "kernel.pid_max")))

        testCase
            "open descriptors, and some for the runtime, are taken off the limit on open files"
            (fun () ->
                decided [
                    "/proc/self/limits",
                    "Limit                     Soft Limit           Hard Limit           Units\n"
                    + "Max open files            1024                 4096                 files"
                    for i in 1..10 do
                        $"/proc/self/fd/{i}", ""
                ]
                =! Some(struct (760, "limit on open files")))

        testCase "the group of the process counts, less the tasks that it has" (fun () ->
            decided [
                yield! machine
                version2
                inGroup "0::/system.slice/chat.service"
                yield! group "/system.slice/chat.service" "1024" "24"
            ]
            =! Some(struct (800, "/sys/fs/cgroup/system.slice/chat.service/pids.max")))

        testCase "a group around it counts when it leaves fewer" (fun () ->
            decided [
                yield! machine
                version2
                inGroup "0::/kubepods/pod1/main"
                yield! group "/kubepods/pod1/main" "4096" "96"
                yield! group "/kubepods/pod1" "4200" "2200"
                yield! group "/kubepods" "max" "3000"
            ]
            =! Some(struct (1_600, "/sys/fs/cgroup/kubepods/pod1/pids.max")))

        testCase "a group without a limit leaves the decision to the machine" (fun () ->
            decided [
                yield! machine
                version2
                inGroup "0::/chat"
                yield! group "/chat" "max" "12"
            ]
            =! byMachine)

        testCase "the groups of others don't count" (fun () ->
            decided [
                yield! machine
                version2
                inGroup "0::/chat"
                yield! group "/chatter" "10" "1"
                yield! group "/chat/child" "10" "1"
            ]
            =! byMachine)

        testCase "in a container that sees its own group as the root, that counts" (fun () ->
            decided [ yield! machine; version2; inGroup "0::/"; yield! group "" "100" "20" ]
            =! Some(struct (64, "/sys/fs/cgroup/pids.max")))

        testCase
            "where the mount begins at the process's group, its path is not looked for once more"
            (fun () ->
                decided [
                    yield! machine
                    "/proc/self/mountinfo", "36 23 0:30 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup2 rw"
                    inGroup "0::/docker/1f"
                    yield! group "" "100" "20"
                ]
                =! Some(struct (64, "/sys/fs/cgroup/pids.max")))

        testCase "of a group outside of what is mounted, what is mounted counts" (fun () ->
            decided [ yield! machine; version2; inGroup "0::/../other"; yield! group "" "100" "20" ]
            =! Some(struct (64, "/sys/fs/cgroup/pids.max")))

        testCase "version 1 has a tree of its own for tasks" (fun () ->
            decided [
                yield! machine
                "/proc/self/mountinfo",
                "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
                + "33 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
                inGroup "8:pids:/docker/1f\n1:cpu,cpuacct:/few\n0::/docker"
                yield! group "/pids/docker/1f" "512" "12"
                yield! group "/cpu/few" "10" "1"
            ]
            =! Some(struct (400, "/sys/fs/cgroup/pids/docker/1f/pids.max")))

        testCase "a mount whose name has blanks is found" (fun () ->
            decided [
                yield! machine
                "/proc/self/mountinfo", @"36 23 0:30 / /sys/control\040groups rw - cgroup2 cgroup2 rw"
                inGroup "0::/chat"
                "/sys/control groups/chat/pids.max", "100"
            ]
            =! Some(struct (80, "/sys/control groups/chat/pids.max")))

        testCase "one that is full leaves one connection" (fun () ->
            decided [ version2; inGroup "0::/chat"; yield! group "/chat" "10" "12" ]
            =! Some(struct (1, "/sys/fs/cgroup/chat/pids.max")))

        testCase "lines that are none are passed over" (fun () ->
            decided [
                yield! machine
                "/proc/self/mountinfo",
                "-\n36 23 0:30 / /sys/fs/cgroup rw - cgroup2\n\n36 - cgroup2 cgroup2 rw"
                inGroup "nothing\n0::/chat"
                yield! group "/chat" "10" "1"
            ]
            =! byMachine)
    ]
