/// What a server has written to the wire, frame by frame.
module FunctionalWs.Simulation.Tests.Wire

open System
open System.Buffers
open FunctionalWs.Protocol

let private settings = {
    ConnectionSettings.Client with
        Limits = Limits.Create(int64 Array.MaxLength, Limits.Unlimited, Int32.MaxValue)
}

let private endOfHead (bytes: byte[]) =
    bytes.AsSpan().IndexOf("\r\n\r\n"B.AsSpan()) + 4

/// True when the server has accepted the handshake.
let isOpened (bytes: byte[]) =
    bytes.AsSpan().StartsWith("HTTP/1.1 101 "B.AsSpan()) && endOfHead bytes >= 4

let private checkFrames (frames: ReadOnlyMemory<byte>) =
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

            let transition = Connection.receive settings state (Input.Received frame)

            match transition.State with
            | State.Draining(Closure.Failed _) -> failwith $"the server broke a rule: {transition.State}"
            | _ -> state <- transition.State

            rest <- rest.Slice frame.Header.FrameLength

/// Fails when the bytes break a rule of the protocol, or anything follows a close frame. The last frame may be cut.
let check (bytes: byte[]) =
    if isOpened bytes then
        checkFrames (ReadOnlyMemory(bytes).Slice(endOfHead bytes))
