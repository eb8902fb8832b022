/// Frames as bytes, and back.
module FunctionalWs.Recording.Tests.Frames

open System
open System.Buffers
open System.Text
open FunctionalWs.Protocol

let utf8 (text: string) : byte[] = Encoding.UTF8.GetBytes text

let hex (text: string) : byte[] = Convert.FromHexString text

let payloadOf (text: string) : ControlPayload =
    ControlPayload.Create(ReadOnlySpan(hex text))

/// What a text owes after its first bytes.
let owedAfter (text: byte[]) : Utf8State =
    match Utf8.validate Utf8.start (ReadOnlySpan text) with
    | Utf8Result.Valid state -> state
    | Utf8Result.Invalid position -> failwith $"no text: byte {position}"

/// A client's frame.
let frame (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    let writer = ArrayBufferWriter<byte>()
    FrameWriter.write fin opcode (ReadOnlySpan payload) (ValueSome 0x3D21FA37u) writer
    writer.WrittenSpan.ToArray()

/// The same, marked by an extension.
let marked (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    let bytes = frame fin opcode payload
    bytes[0] <- bytes[0] ||| 0x40uy
    bytes

let close (code: int) (reason: string) : byte[] =
    CloseStatus.Create(CloseCode.Create code, reason).ToArray()

/// What a server has written: nothing, or one control frame.
let answerOf (bytes: byte[]) : Output voption =
    let buffer = ReadOnlySequence bytes

    match FrameReader.read ConnectionSettings.Client &buffer with
    | FrameParse.Complete frame ->
        let payload = frame.ToArray()

        match frame.Header.Opcode with
        | Opcode.Pong -> ValueSome(Output.Pong(ControlPayload.Create(ReadOnlySpan payload)))
        | _ when payload.Length = 0 -> ValueSome(Output.Close CloseStatus.NoStatus)
        | _ ->
            let code = 256 * int payload[0] + int payload[1]
            let reason = Encoding.UTF8.GetString(payload, 2, payload.Length - 2)
            ValueSome(Output.Close(CloseStatus.Create(CloseCode.Create code, reason)))
    | FrameParse.Incomplete -> ValueNone
    | FrameParse.Malformed error -> failwith $"{error}"

/// Cuts bytes at these positions.
let cut (positions: int list) (data: byte[]) : byte[] list =
    let ends =
        positions
        |> List.filter (fun at -> at > 0 && at < data.Length)
        |> List.distinct
        |> List.sort

    List.zip (0 :: ends) (ends @ [ data.Length ])
    |> List.map (fun (start, stop) -> data[start .. stop - 1])
