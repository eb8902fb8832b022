/// What the caller of a client has to be told.
module FunctionalWs.Conformance.Telling

open System
open System.IO
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Conformance // its Incoming is the one that is meant
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private numberOf (status: CloseStatus) : int voption =
    if isNull (box status) then
        ValueNone
    else
        ValueSome(int status.Number)

let private isHarmless (code: int voption) =
    match code with
    | ValueSome(1000 | 1001 | 1005) -> true
    | _ -> false

let private tell (error: exn) =
    $"{error.GetType().Name}: {error.Message}"

/// The end of a loop over messages goes with the close frames.
let private checkEnd (peer: Peer) (connection: ClientConnection) (error: exn) =
    let received, sent = numberOf connection.Received, numberOf connection.Sent
    let isOk = isHarmless received && isHarmless sent

    if peer.CloseCode.IsSome && peer.CloseCode <> sent then
        failed $"{peer.CloseCode} was sent, and the caller is told {sent}"

    match error with
    | null when isOk -> ()
    | :? ConnectionClosedOkException when isOk -> ()
    | :? ConnectionClosedErrorException when not isOk -> ()
    | null -> failed $"the caller's loop just ended: received {received}, sent {sent}"
    | error -> failed $"the caller met {tell error}: received {received}, sent {sent}"

/// What became of the connection, for the caller.
let ending (peer: Peer) : ClientConnection * exn =
    match peer.Caller.Outcome with
    | Ended(connection, error) -> connection, error
    | NotOpened error -> failed $"Connect threw {tell error}"
    | Untold -> failed "the caller was not told in time"

/// After every case: the caller was told what went over the wire.
let check (peer: Peer) =
    if not peer.Caller.IsJudged then
        let connection, error = ending peer
        checkEnd peer connection error

/// `Connect` throws this, and the client ends the stream.
let notOpened (isIt: exn -> bool) (peer: Peer) =
    peer.Caller.IsJudged <- true

    match peer.Caller.Outcome with
    | NotOpened error when isIt error -> peer.Note(tell error)
    | NotOpened error -> failed $"Connect threw {tell error}"
    | Ended _ -> failed "the connection was opened"
    | Untold -> failed "Connect still waits"

    match peer.Next() with
    | End _ -> ()
    | other -> failed $"the end of the stream was expected; {describe other}"

/// `Connect` tells of an answer with this status, and what is wrong with it.
let refused (status: int) (isIt: ClientHandshakeError -> bool) (peer: Peer) =
    peer
    |> notOpened (fun error ->
        match error with
        | :? HandshakeRefusedException as refusal ->
            refusal.Response.StatusCode = status && isIt refusal.Error
        | _ -> false)

/// `Connect` tells that what came is no answer.
let broken (peer: Peer) =
    notOpened (fun error -> error.GetType() = typeof<IOException>) peer
