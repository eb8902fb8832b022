module FunctionalWs.Server.Tests.EchoSampleTests

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Sockets
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

/// The sample as it was built beside this test: same configuration, same framework.
let private sample =
    let here = DirectoryInfo AppContext.BaseDirectory
    let configuration = here.Parent.Name

    Path.Combine(Programs.root, "samples", "Echo", "bin", configuration, here.Name, "Echo.dll")

type Sample(arguments: string list, ?descriptors: int, ?wrapper: string list) =
    let command =
        match descriptors with
        | None when wrapper.IsSome -> wrapper.Value @ [ "dotnet"; sample ]
        | Some limit -> [ "sh"; "-c"; $"ulimit -n {limit} && exec dotnet \"$0\" \"$@\""; sample ]
        | None -> [ "dotnet"; sample ]

    let start =
        ProcessStartInfo(
            List.head command,
            List.tail command @ arguments,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    let running = Process.Start start

    member _.ReadLine() : string =
        Wait.forTask "a line of the sample" (running.StandardOutput.ReadLineAsync())

    member _.Signal(name: string) =
        use kill = Process.Start("kill", [ $"-{name}"; string running.Id ])
        kill.WaitForExit()

    /// The exit code, and what was written to standard error.
    member _.Exit() : int * string =
        let errors =
            Wait.forTask "the sample's errors" (running.StandardError.ReadToEndAsync())

        if not (running.WaitForExit Wait.limit) then
            failwith "waited in vain for the sample to end"

        running.ExitCode, errors

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill()

            running.Dispose()

let private connectRaw (line: string) =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    socket.Connect(IPAddress.Loopback, Uri(line.Substring "listening on ".Length).Port)
    new PeerClient(new FunctionalWs.SocketTransport(socket))

let private connect (line: string) =
    let client = connectRaw line
    client.ShakeHands()
    client

/// The status of the answer.
let private tryShakeHands (client: PeerClient) : string =
    client.Write(PeerClient.Request: string)
    client.ReadResponse().Split(' ')[1]

[<Tests>]
let echoSample =
    testSequenced (
        testList "the sample Echo" [
            testTheory
                "echoes, and leaves with 1001 and exit code 0 on a signal"
                [
                    "TERM", "connections"
                    "INT", "connections"
                    "QUIT", "connections"
                    "TERM", "messages"
                ]
                (fun (signal, handler) ->
                    // A shell's background job hands down that interrupts are ignored.
                    let wrapper = [ "env"; "--default-signal" ]
                    let arguments = [ "--port"; "0"; "--max-size"; "100"; "--handler"; handler ]
                    use running = new Sample(arguments, wrapper = wrapper)
                    let line = running.ReadLine()

                    test
                        <@
                            line.StartsWith("listening on ws://127.0.0.1:", StringComparison.Ordinal)
                            && line.EndsWith("/", StringComparison.Ordinal)
                        @>

                    use client = connect line
                    client.SendText "héllo"
                    client.ReadText() =! "héllo"
                    client.SendBinary [| 1uy |]
                    client.Read() =! Data(Opcode.Binary, true, [| 1uy |])
                    running.Signal signal
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
                    client.SendClose 1001
                    running.Exit() =! (0, ""))

            testCase
                "takes messages of as many fragments as test suites send, and of no more than it is told"
                (fun () ->
                    for arguments, isTaken in [ [], true; [ "--max-fragments"; "65536" ], false ] do
                        use running = new Sample([ "--port"; "0"; "--max-size"; "5000000" ] @ arguments)
                        use client = connect (running.ReadLine())
                        // As the Autobahn test suite does in its cases 9.3.1 and 9.4.1.
                        let frame (fin: bool) (opcode: Opcode) (size: int) =
                            let writer = Buffers.ArrayBufferWriter<byte>()

                            FrameWriter.write
                                fin
                                opcode
                                (ReadOnlySpan(Array.create size (byte 'x')))
                                (ValueSome 1u)
                                writer

                            writer.WrittenSpan.ToArray()

                        let sending =
                            Wait.start (fun () ->
                                try
                                    client.Write(frame false Opcode.Text 64)
                                    let next = frame false Opcode.Continuation 64
                                    let many = Array.concat (Array.replicate 1_024 next)

                                    for _ in 1..63 do
                                        client.Write many

                                    client.Write(Array.concat (Array.replicate 1_023 next))
                                    client.Write(frame true Opcode.Continuation 0)
                                with _ ->
                                    ()) // refused in the middle

                        match client.Read() with
                        | Data(_, _, payload) -> (isTaken, payload.Length) =! (true, 64 * 65_536)
                        | Closed status -> (isTaken, status.Number) =! (false, 1008)
                        | other -> failwith $"{other}"

                        Wait.forTask "the message" sending)

            testCase "with few descriptors it takes fewer clients, and still leaves in order" (fun () ->
                use running = new Sample([ "--port"; "0" ], 200)
                let line = running.ReadLine()
                let clients = [| for _ in 1..150 -> connectRaw line |]
                let statuses = clients |> Array.map tryShakeHands
                let accepted = Array.zip clients statuses |> Array.filter (snd >> (=) "101")
                test <@ statuses |> Array.forall (fun status -> status = "101" || status = "503") @>
                test <@ accepted.Length > 10 && accepted.Length < 130 @>
                running.Signal "TERM"

                for client, _ in accepted do
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
                    client.SendClose 1001

                let code, errors = running.Exit()
                code =! 0

                test
                    <@
                        errors.StartsWith(
                            "warning: FunctionalWs.Server[4]: At most ",
                            StringComparison.Ordinal
                        )
                        && errors.Trim().Split('\n').Length = 1
                    @>)

            testTheory
                "a bad argument gives a usage line and exit code 2"
                [
                    [ "--port"; "65536" ]
                    [ "--port" ]
                    [ "--max-size"; "-1" ]
                    [ "--max-fragments"; "0" ]
                    [ "--what"; "1" ]
                ]
                (fun arguments ->
                    use running = new Sample(arguments)
                    let code, errors = running.Exit()
                    code =! 2
                    test <@ errors.Contains "usage: " && errors.Contains(List.head arguments) @>)

            testCase "an address in use gives one line and exit code 1" (fun () ->
                use taken =
                    new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

                taken.Bind(IPEndPoint(IPAddress.Loopback, 0))
                taken.Listen()
                let port = (taken.LocalEndPoint :?> IPEndPoint).Port
                use running = new Sample([ "--port"; string port ])
                let code, errors = running.Exit()
                code =! 1
                test <@ errors.Contains(string port) && errors.Trim().Split('\n').Length = 1 @>)
        ]
    )
