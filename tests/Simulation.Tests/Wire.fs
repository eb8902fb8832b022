/// What a server has written to the wire, frame by frame.
module FunctionalWs.Simulation.Tests.Wire

open System
open System.Buffers
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private settings = {
    ConnectionSettings.Client with
        Limits = Limits.Create(int64 Array.MaxLength, Limits.Unlimited, Int32.MaxValue)
        ReservedBits = ReservedBits.Rsv1
        // Compressed text is none; the client looks at the text itself.
        ValidateText = false
}

let private endOfHead (bytes: byte[]) =
    bytes.AsSpan().IndexOf("\r\n\r\n"B.AsSpan()) + 4

/// True when the server has accepted the handshake.
let isOpened (bytes: byte[]) =
    bytes.AsSpan().StartsWith("HTTP/1.1 101 "B.AsSpan()) && endOfHead bytes >= 4

/// A frame of a compressed message, as one that isn't; fails where nothing was agreed on.
let private unmarked (isCompressed: bool) (frame: Frame) =
    if frame.Header.ReservedBits <> ReservedBits.None && not isCompressed then
        failwith $"the server marks a message without an extension: {frame.Header}"

    {
        frame with
            Header.ReservedBits = ReservedBits.None
    }

let private checkFrames (isCompressed: bool) (frames: ReadOnlyMemory<byte>) =
    let mutable rest = ReadOnlySequence<byte> frames
    let mutable state = Connection.start
    let mutable isClosed = false
    let mutable isEnough = false

    while not isEnough && not rest.IsEmpty do
        match FrameReader.read settings &rest with
        | FrameParse.Incomplete -> isEnough <- true
        | FrameParse.Malformed error -> failwith $"the server broke a rule: {error}"
        | FrameParse.Complete frame ->
            // A ping is answered until the client has closed, too (RFC 6455 §5.5.2).
            if isClosed && not frame.Header.Opcode.IsPong then
                failwith $"a frame follows the server's close frame: {frame.Header}"

            isClosed <- frame.Header.Opcode = Opcode.Close

            let transition =
                Connection.receive settings state (Input.Received(unmarked isCompressed frame))

            match transition.State with
            | State.Draining(Closure.Failed _) -> failwith $"the server broke a rule: {transition.State}"
            | _ -> state <- transition.State

            rest <- rest.Slice frame.Header.FrameLength

let private agreesToCompress (head: ReadOnlySpan<byte>) =
    head.IndexOf("permessage-deflate"B.AsSpan()) >= 0

/// Fails when the bytes break a rule of the protocol, or anything follows a close frame. The last frame may be cut.
let check (bytes: byte[]) =
    if isOpened bytes then
        let size = endOfHead bytes
        checkFrames (agreesToCompress (ReadOnlySpan(bytes, 0, size))) (ReadOnlyMemory(bytes).Slice size)

/// What a client was sent, without the records that it came in.
let plain (hasRecords: bool) (bytes: byte[]) =
    if hasRecords then
        SealedRecord.OpenAll(ReadOnlySpan bytes)
    else
        bytes
