/// Section 8: large messages, many messages, many fragments.
module FunctionalWs.Conformance.Sections.Volume

open System
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private payload (kind: int) (size: int) =
    if kind = text then
        sample true size
    else
        Array.init size (fun i -> byte (i * 31 >>> 3))

let private sizeName (size: int) =
    if size >= 1_048_576 then $"{size / 1_048_576} MiB"
    elif size >= 1_024 then $"{size / 1_024} KiB"
    else $"{size} bytes"

/// Sends on a thread of its own while the message is read.
let private echoAside (kind: int) (payload: byte[]) (toWire: Peer -> byte[]) (peer: Peer) =
    openPlain peer
    let wire = toWire peer
    let sending = peer.SendAside(sizeName wire.Length, wire)
    expectMessage peer kind payload

    if not (sending.Join peer.Timeout) then
        failed "no more bytes were taken"

    closeCleanly peer

let private large = {
    Title = "Large messages come back"
    Cases = [
        for kind in [ text; binary ] do
            for size in [ 256; 512; 1_024 ] do
                let payload = payload kind (size * 1_024)

                case $"{kindName kind}, {sizeName payload.Length}" "The same message."
                <| echoAside kind payload (fun peer -> frame peer true 0 kind payload)
    ]
}

let private inFragments = {
    Title = "A message of 256 KiB in fragments comes back"
    Cases = [
        for kind in [ text; binary ] do
            for size in [ 64; 256; 1_024; 4_096; 65_536 ] do
                let payload = payload kind 262_144

                case $"{kindName kind}, of {sizeName size}" "The same message." (fun peer ->
                    let parts = payload |> Array.chunkBySize size |> List.ofArray

                    echoAside
                        kind
                        payload
                        (fun peer -> Array.concat (Fragmentation.frames peer kind parts))
                        peer)
    ]
}

let private inPieces = {
    Title = "A message of 64 KiB in small pieces comes back"
    Cases = [
        for kind in [ text; binary ] do
            for piece in [ 128; 512; 1_460 ] do
                let payload = payload kind 65_536

                case $"{kindName kind}, pieces of {piece}" "The same message."
                <| echo kind payload (fun peer -> sendInPieces peer piece (frame peer true 0 kind payload))
    ]
}

/// All messages at once, or each after the last has come back.
let private sendMany (isPipelined: bool) (kind: int) (count: int) (size: int) (peer: Peer) =
    openPlain peer

    let message i =
        payload kind size
        |> Array.mapi (fun at value -> if kind = binary && at = 0 then byte i else value)

    if isPipelined then
        let wire = Array.concat [ for i in 1..count -> frame peer true 0 kind (message i) ]
        let sending = peer.SendAside($"{count} messages", wire)

        for i in 1..count do
            expectMessage peer kind (message i)

        if not (sending.Join peer.Timeout) then
            failed "no more bytes were taken"
    else
        for i in 1..count do
            sendFrame peer true 0 kind (message i)
            expectMessage peer kind (message i)

    closeCleanly peer

let private many = {
    Title = "Many messages come back in order"
    Cases = [
        for kind in [ text; binary ] do
            for size in [ 0; 16; 125; 126; 1_024 ] do
                case
                    $"1,000 {kindName kind} of {size} bytes at once"
                    "All of them, in order."
                    (sendMany true kind 1_000 size)

            for size in [ 16; 1_024 ] do
                case
                    $"200 {kindName kind} of {size} bytes, one by one"
                    "All of them, in order."
                    (sendMany false kind 200 size)
    ]
}

let section: Section = {
    Name = "Volume"
    Groups = [ large; inFragments; inPieces; many ]
}
