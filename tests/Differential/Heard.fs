namespace FunctionalWs.Differential

open System
open System.Buffers.Binary
open System.Text

/// What a server has sent so far, taken apart.
type Heard = {
    /// The status of its answer; None as long as the answer's head isn't whole.
    Status: int option
    /// The code of its close frame.
    Close: int option
    Pongs: string list
    Oddities: string list
}

module Heard =

    // Of the key that all heads have which are right (RFC 6455 §1.3).
    let private accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    let private nothing = {
        Status = None
        Close = None
        Pongs = []
        Oddities = []
    }

    let private odd (what: string) (heard: Heard) = {
        heard with
            Oddities = heard.Oddities @ [ what ]
    }

    let private status (head: string) : int =
        let words = head.Split([| ' '; '\r' |], 3)

        match words with
        | [| version; code; _ |] when version.StartsWith("HTTP/1.", StringComparison.Ordinal) ->
            match Int32.TryParse code with
            | true, code -> code
            | false, _ -> 0
        | _ -> 0

    let private take (heard: Heard) (first: byte) (payload: byte[]) : Heard =
        let heard =
            if heard.Close.IsSome then
                odd $"frame-{first:x2}-after-close" heard
            else
                heard

        match first with
        | 0x8Auy -> {
            heard with
                Pongs = heard.Pongs @ [ "x" + Convert.ToHexString payload ]
          }
        | 0x88uy when payload.Length = 0 -> { heard with Close = Some 1005 }
        | 0x88uy when payload.Length = 1 -> odd "half-a-code" heard
        | 0x88uy -> {
            heard with
                Close = Some(int (BinaryPrimitives.ReadUInt16BigEndian payload))
          }
        | _ -> odd $"frame-{first:x2}" heard

    let rec private frames (heard: Heard) (bytes: ReadOnlyMemory<byte>) : Heard =
        if bytes.Length < 2 then
            heard
        else
            let second = bytes.Span[1]

            // No server has anything to say that takes more.
            if second > 125uy then
                odd $"length-{second:x2}" heard
            elif bytes.Length < 2 + int second then
                heard
            else
                let payload = bytes.Slice(2, int second).ToArray()
                frames (take heard bytes.Span[0] payload) (bytes.Slice(2 + int second))

    /// All of the bytes that have come.
    let parse (hasUsualKey: bool) (bytes: ReadOnlyMemory<byte>) : Heard =
        match bytes.Span.IndexOf("\r\n\r\n"B) with
        | -1 -> nothing
        | length ->
            let head = Encoding.Latin1.GetString(bytes.Span.Slice(0, length + 2))

            let heard = {
                nothing with
                    Status = Some(status head)
            }

            if heard.Status <> Some 101 then
                heard
            elif not hasUsualKey || head.Contains($": {accept}\r\n", StringComparison.Ordinal) then
                frames heard (bytes.Slice(length + 4))
            else
                frames (odd "wrong-accept" heard) (bytes.Slice(length + 4))
