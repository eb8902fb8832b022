/// What systemd is told, at a socket that stands for its own.
module FunctionalWs.Hosting.Tests.SystemdTests

open System
open System.IO
open System.Net.Sockets
open System.Text
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Expecto
open Swensen.Unquote
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

/// Takes what is told. Others of these tests don't see its address.
type private Systemd(name: string) =
    let path = if name[0] = '@' then "\000" + name.Substring 1 else name

    let socket =
        new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)

    do
        socket.Bind(UnixDomainSocketEndPoint path)
        socket.ReceiveTimeout <- int Wait.limit.TotalMilliseconds

    member _.Receive() : string =
        let buffer = Array.zeroCreate<byte> 256
        Encoding.ASCII.GetString(buffer, 0, socket.Receive buffer)

    member _.IsSilent = socket.Available = 0

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()

            if name[0] <> '@' then
                File.Delete name

let private withAddress (name: string) (act: unit -> unit) =
    Environment.SetEnvironmentVariable(SystemdNotification.Variable, name)

    try
        act ()
    finally
        Environment.SetEnvironmentVariable(SystemdNotification.Variable, null)

let private build (handlerRan: IHostedService) =
    Hosts.build (fun builder ->
        builder.Services.AddSystemdNotification().AddSystemdNotification() |> ignore
        builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore
        // Added last, so it starts last.
        builder.Services.AddSingleton<IHostedService> handlerRan |> ignore)

let private looking (look: unit -> unit) = {
    new IHostedService with
        member _.StartAsync _ = task { look () }
        member _.StopAsync _ = task { () }
}

// One after the other: the environment is the process's.
[<Tests>]
let systemd =
    testSequenced
    <| testList "systemd" [
        for kind in [ "a file"; "an abstract name" ] do
            testCase $"is told once that servers listen, and that the host stops: {kind}" (fun () ->
                let id = $"functionalws-notify-{Guid.NewGuid():N}"

                let name =
                    if kind = "a file" then
                        Path.Combine(Path.GetTempPath(), id)
                    else
                        "@" + id

                use systemd = new Systemd(name)

                withAddress name (fun () ->
                    let mutable early = true
                    use host = build (looking (fun () -> early <- not systemd.IsSilent))
                    Hosts.start host
                    early =! false
                    systemd.Receive() =! "READY=1"
                    use client = Hosts.connect host
                    client.Ask "in?" =! "in?"
                    client.Close()
                    test <@ systemd.IsSilent @>
                    Hosts.stop host
                    systemd.Receive() =! "STOPPING=1"
                    test <@ systemd.IsSilent @>))

        testCase "that isn't there, or can't be told, is no matter of the host" (fun () ->
            for name in [ null; "/nowhere/notify"; String('x', 200) ] do
                withAddress name (fun () ->
                    use host = build (looking ignore)
                    Hosts.start host
                    test <@ (Hosts.hosted host).IsAccepting @>
                    Hosts.stop host))
    ]
