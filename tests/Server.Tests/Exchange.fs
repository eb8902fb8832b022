/// One request and what comes back for it, from a server in memory whose records are kept.
namespace FunctionalWs.Server.Tests

open System
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Protocol

/// What came back.
type Answered = {
    /// Status line and headers.
    Head: string
    /// Everything after them.
    Body: string
    Records: Records
} with

    member answered.Status = int (answered.Head.Substring(9, 3))

    member answered.HasLine(line: string) =
        answered.Head.Contains $"\r\n{line}\r\n"

    member answered.Errors =
        answered.Records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id)

    member answered.Headers: (string * string) list =
        answered.Head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
        |> Array.skip 1
        |> Array.map (fun line ->
            let colon = line.IndexOf ':'
            line.Substring(0, colon), line.Substring(colon + 2))
        |> List.ofArray

module Exchange =

    /// The request of a WebSocket, with further header lines.
    let webSocket (lines: string list) : string =
        PeerClient.Request.Replace(
            "\r\n\r\n",
            "\r\n" + String.Join("", [ for line in lines -> line + "\r\n" ]) + "\r\n"
        )

    let private split (text: string) =
        match text.IndexOf("\r\n\r\n", StringComparison.Ordinal) with
        | -1 -> failwith $"no response: {text}"
        | index -> text.Substring(0, index + 4), text.Substring(index + 4)

    /// Sends a request that is not accepted, and reads to the end.
    let rejected (options: Records -> ServerOptions) (request: string) : Answered =
        let records = new Records()

        let handler (_: ServerConnection) = failwith "the handler must not run"

        use server = Serve.inMemory handler (options records)
        use client = PeerClient.InMemory server
        client.Write request
        let head, body = split (client.ReadToEnd())

        if head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) then
            failwith $"accepted: {head}"

        client.Transport.ShutdownSend()
        server.Shutdown() |> ignore

        {
            Head = head
            Body = body
            Records = records
        }

    /// Sends a request that is accepted; the handler tells about its connection.
    let accepted
        (options: Records -> ServerOptions)
        (request: string)
        (tell: ServerConnection -> 'a)
        : Answered * 'a =
        let records = new Records()
        let told = TaskCompletionSource<'a>()

        let handler (connection: ServerConnection) = told.SetResult(tell connection)

        use server = Serve.inMemory handler (options records)
        use client = PeerClient.InMemory server
        client.Write request
        let head = client.ReadResponse()

        if not (head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
            failwith $"rejected: {head}"

        let result = Wait.forTask "the handler" told.Task
        client.SendClose 1000
        server.Shutdown() |> ignore

        {
            Head = head
            Body = ""
            Records = records
        },
        result

    let neverRun (_: ServerConnection) = failwith "the handler must not run"

    /// Records about handshakes that opened nothing: ignored, rejected, answered by a hook.
    let outcomes (records: Records) =
        records.All
        |> List.filter (fun (struct (_, id, _)) -> id = 22 || id = 23 || id = 29)

    /// Records of connections above a level; those of the server itself have ids below 20.
    let levelsAbove (level: LogLevel) (records: Records) =
        records.All
        |> List.filter (fun (struct (found, id, _)) -> found > level && id >= 20)

    /// What a server sends back for some bytes after which the client says no more.
    let toEnd (options: ServerOptions) (request: string) : string =
        use server = Serve.inMemory neverRun options
        use client = PeerClient.InMemory server
        client.Write request
        client.Transport.ShutdownSend()
        let answer = client.ReadToEnd()
        server.Shutdown() |> ignore
        answer
