namespace FunctionalWs.Conformance

open System
open System.Security.Cryptography
open System.Text

/// The head of a request or an answer of an opening handshake, of which every part can be wrong.
type Head = {
    Line: string
    Headers: (string * string) list
} with

    member head.All(name: string) : string list =
        head.Headers
        |> List.filter (fun (field, _) -> String.Equals(field, name, StringComparison.OrdinalIgnoreCase))
        |> List.map snd

    /// Of an answer.
    member head.Status: int = int (head.Line.Substring(9, 3))

module Head =

    /// The key of the example in RFC 6455 §1.3.
    let key = "dGhlIHNhbXBsZSBub25jZQ=="

    let request (address: Uri) : Head = {
        Line = $"GET {address.PathAndQuery} HTTP/1.1"
        Headers = [
            "Host", address.Authority
            "Upgrade", "websocket"
            "Connection", "Upgrade"
            "Sec-WebSocket-Key", key
            "Sec-WebSocket-Version", "13"
        ]
    }

    /// What answers a key (RFC 6455 §4.2.2).
    let accept (key: string) : string =
        Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        |> SHA1.HashData
        |> Convert.ToBase64String

    /// The answer that opens a connection.
    let answer (key: string) : Head = {
        Line = "HTTP/1.1 101 Switching Protocols"
        Headers = [
            "Upgrade", "websocket"
            "Connection", "Upgrade"
            "Sec-WebSocket-Accept", accept key
        ]
    }

    let add (name: string) (value: string) (head: Head) : Head = {
        head with
            Headers = head.Headers @ [ name, value ]
    }

    let remove (name: string) (head: Head) : Head = {
        head with
            Headers = head.Headers |> List.filter (fun (field, _) -> field <> name)
    }

    let set (name: string) (value: string) (head: Head) : Head = head |> remove name |> add name value

    let toBytes (head: Head) : byte[] =
        let lines = [ for name, value in head.Headers -> $"{name}: {value}\r\n" ]
        Encoding.Latin1.GetBytes(head.Line + "\r\n" + String.Join("", lines) + "\r\n")

    let private tryRead (head: string) : Head option =
        match head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries) |> List.ofArray with
        | line :: fields ->
            let field (text: string) =
                match text.IndexOf ':' with
                | -1 -> text, ""
                | colon -> text.Substring(0, colon), text.Substring(colon + 1).Trim()

            Some {
                Line = line
                Headers = List.map field fields
            }
        | [] -> None

    /// Reads the head of an answer; none when it is none.
    let tryAnswer (head: string) : Head option =
        tryRead head
        |> Option.filter (fun head ->
            head.Line.Length >= 12
            && head.Line.StartsWith "HTTP/1.1 "
            && Seq.forall Char.IsAsciiDigit (head.Line.Substring(9, 3)))

    /// Reads the head of a request; none when it is none.
    let tryRequest (head: string) : Head option =
        tryRead head |> Option.filter (fun head -> head.Line.EndsWith " HTTP/1.1")
