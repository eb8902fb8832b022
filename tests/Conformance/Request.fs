namespace FunctionalWs.Conformance

open System
open System.Security.Cryptography
open System.Text

/// The request of an opening handshake, of which every part can be wrong.
type UpgradeRequest = {
    Line: string
    Headers: (string * string) list
}

/// The head of an answer.
type UpgradeResponse = {
    Status: int
    Fields: (string * string) list
} with

    member response.All(name: string) : string list =
        response.Fields
        |> List.filter (fun (field, _) -> String.Equals(field, name, StringComparison.OrdinalIgnoreCase))
        |> List.map snd

module UpgradeRequest =

    /// The key of the example in RFC 6455 §1.3.
    let key = "dGhlIHNhbXBsZSBub25jZQ=="

    let create (address: Uri) : UpgradeRequest = {
        Line = $"GET {address.PathAndQuery} HTTP/1.1"
        Headers = [
            "Host", address.Authority
            "Upgrade", "websocket"
            "Connection", "Upgrade"
            "Sec-WebSocket-Key", key
            "Sec-WebSocket-Version", "13"
        ]
    }

    let add (name: string) (value: string) (request: UpgradeRequest) : UpgradeRequest = {
        request with
            Headers = request.Headers @ [ name, value ]
    }

    let remove (name: string) (request: UpgradeRequest) : UpgradeRequest = {
        request with
            Headers = request.Headers |> List.filter (fun (field, _) -> field <> name)
    }

    let set (name: string) (value: string) (request: UpgradeRequest) : UpgradeRequest =
        request |> remove name |> add name value

    let toBytes (request: UpgradeRequest) : byte[] =
        let lines = [ for name, value in request.Headers -> $"{name}: {value}\r\n" ]
        Encoding.Latin1.GetBytes(request.Line + "\r\n" + String.Join("", lines) + "\r\n")

    /// What answers a key (RFC 6455 §4.2.2).
    let accept (key: string) : string =
        Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        |> SHA1.HashData
        |> Convert.ToBase64String

    /// Reads the head of an answer; none when it is none.
    let tryParse (head: string) : UpgradeResponse option =
        match head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries) |> List.ofArray with
        | line :: fields when line.StartsWith "HTTP/1.1 " && line.Length >= 12 ->
            let field (text: string) =
                match text.IndexOf ':' with
                | -1 -> text, ""
                | colon -> text.Substring(0, colon), text.Substring(colon + 1).Trim()

            match Int32.TryParse(line.Substring(9, 3)) with
            | true, status ->
                Some {
                    Status = status
                    Fields = List.map field fields
                }
            | _ -> None
        | _ -> None
