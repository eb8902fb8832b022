/// What tests of listening have in common.
module FunctionalWs.Server.Tests.Listening

open System
open System.IO
open System.Net
open System.Net.Sockets
open Swensen.Unquote
open FunctionalWs

let unixServe (path: string) (options: ServerOptions) =
    let server = Server.UnixServe(Action<ServerConnection> Serve.echo, path, options)
    server.Start()
    server

let isServed (endPoint: EndPoint) =
    use client = new PeerClient(Tls.connectTo endPoint)
    client.ShakeHands()
    client.SendText "hello"
    client.ReadText() =! "hello"

let unix (path: string) : EndPoint = UnixDomainSocketEndPoint path

let refused (endPoint: EndPoint) =
    let error = Wait.throws<SocketException>(fun () -> Tls.connectTo endPoint |> ignore)
    error.SocketErrorCode =! SocketError.ConnectionRefused

/// A folder that is gone after the test.
type Folder() =
    let path = Directory.CreateTempSubdirectory("functionalws-").FullName
    member _.Path(name: string) = Path.Combine(path, name)

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)
