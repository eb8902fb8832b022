// A server's and a client's endpoint joined by a wire that holds little: what each of them and the network may do next.
namespace FunctionalWs.Explore

open System
open System.Buffers
open System.Runtime.InteropServices
open System.Text
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>
/// A server's and a client's endpoint, joined by a wire on which a few frames may wait in each direction. Immutable; compare it with
/// <c>=</c>: so all schedules of both ends and the network can be explored. See <c>TryTake</c>.
/// </summary>
[<StructuredFormatDisplay("{Shown}")>]
type JoinedEnds = private {
    server: JoinedEnd
    client: JoinedEnd
    toServer: InTransit list
    toClient: InTransit list
    isCut: bool
    isSpoiled: bool
    capacity: int
} with

    /// <summary>The server's end.</summary>
    member ends.Server: JoinedEnd = ends.server

    /// <summary>The client's end.</summary>
    member ends.Client: JoinedEnd = ends.client

    /// <summary>True once the network has broken.</summary>
    member ends.IsCut: bool = ends.isCut

    /// <summary>True once a frame was spoiled.</summary>
    member ends.IsSpoiled: bool = ends.isSpoiled

    /// <summary>True when both ends are closed.</summary>
    member ends.IsOver: bool = ends.server.State.IsClosed && ends.client.State.IsClosed

    /// <summary>An end.</summary>
    /// <param name="role">Which.</param>
    member ends.End(role: Role) : JoinedEnd =
        match role with
        | Role.Server -> ends.server
        | Role.Client -> ends.client

    /// <summary>What is on its way to an end, the next first.</summary>
    /// <param name="role">Which end.</param>
    member ends.Waiting(role: Role) : InTransit[] =
        match role with
        | Role.Server -> Array.ofList ends.toServer
        | Role.Client -> Array.ofList ends.toClient

    member private ends.Shown: string =
        let cut = if ends.isCut then ", cut" else ""
        Invariant $"{ends.server} <- {ends.toServer.Length}; {ends.toClient.Length} -> {ends.client}{cut}"

    /// <summary>Both ends, and how much is on its way to each.</summary>
    override ends.ToString() : string = ends.Shown

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: JoinedEnds | null, right: JoinedEnds | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: JoinedEnds | null, right: JoinedEnds | null) : bool =
        not (obj.Equals(left, right))

/// What moves lead to.
module internal Joining =

    let private key = 0x3D21FA37u

    /// Two endpoints that break a rule of this are a fault of the library.
    let require (holds: bool) (what: string) : unit =
        if not holds then
            raise (InvalidOperationException("The endpoints contradict each other: " + what + "."))

    let peerOf (role: Role) : Role =
        match role with
        | Role.Server -> Role.Client
        | Role.Client -> Role.Server

    let atStart (settings: ConnectionSettings) : JoinedEnd = {
        endpoint = WebSocketEndpoint.Create settings
        come = [||]
        said = ValueNone
        heard = ValueNone
        isShut = false
        hasLeft = false
        told = []
        data = [||]
    }

    let private wireTo (ends: JoinedEnds) (role: Role) : InTransit list =
        match role with
        | Role.Server -> ends.toServer
        | Role.Client -> ends.toClient

    let private withEnd (ends: JoinedEnds) (role: Role) (side: JoinedEnd) : JoinedEnds =
        match role with
        | Role.Server -> { ends with server = side }
        | Role.Client -> { ends with client = side }

    let private withWireTo (ends: JoinedEnds) (role: Role) (items: InTransit list) : JoinedEnds =
        match role with
        | Role.Server -> { ends with toServer = items }
        | Role.Client -> { ends with toClient = items }

    /// The one frame that an end has written, as its peer reads it.
    let private frameOf (reader: ConnectionSettings) (bytes: byte[]) : struct (Opcode * byte[]) =
        match FrameReader.readMemory reader (ReadOnlyMemory bytes) with
        | FrameParse.Complete frame when frame.Header.FrameLength = bytes.LongLength ->
            struct (frame.Header.Opcode, frame.ToArray())
        | FrameParse.Complete _
        | FrameParse.Malformed _
        | FrameParse.Incomplete ->
            require false "one wrote what the other can't read"
            struct (Opcode.Close, [||])

    let private statusOf (payload: byte[]) : CloseStatus =
        if payload.Length = 0 then
            CloseStatus.NoStatus
        else
            let code = int payload[0] * 256 + int payload[1]
            CloseStatus.Create(CloseCode.Create code, Encoding.UTF8.GetString(payload, 2, payload.Length - 2))

    /// An end that has written a frame.
    let private wrote (ends: JoinedEnds) (role: Role) (side: JoinedEnd) (written: byte[]) : JoinedEnd =
        let reader = (ends.End(peerOf role)).endpoint.Settings
        let struct (opcode, payload) = frameOf reader written

        require
            (side.said.IsNone || opcode.IsPong && side.heard.IsNone)
            "something was written after the close frame that is no pong to a peer that hasn't closed"

        if opcode.IsClose then
            {
                side with
                    said = ValueSome(statusOf payload)
            }
        else
            side

    /// What a step of one end has led to.
    let private carry
        (ends: JoinedEnds)
        (role: Role)
        (side: JoinedEnd)
        (written: byte[])
        (halfClose: bool)
        : JoinedEnds =
        require (not (side.isShut && halfClose)) "a side was ended twice"

        let side, frames =
            if written.Length = 0 then
                side, []
            else
                wrote ends role side written, [ InTransit.Bytes(written, false) ]

        let next = {
            side with
                isShut = side.isShut || halfClose
        }

        let ended = if halfClose then [ InTransit.EndOfStream ] else []
        let items = if ends.isCut then [] else frames @ ended
        let peer = peerOf role
        withWireTo (withEnd ends role next) peer (wireTo ends peer @ items)

    /// The peer's close frame is heard before it is answered.
    let private heardIn (incoming: Incoming) (before: CloseStatus voption) : CloseStatus voption =
        match incoming with
        | Incoming.Close status -> ValueSome status
        | Incoming.Nothing
        | Incoming.Data _
        | Incoming.Ping _
        | Incoming.Pong _
        | Incoming.Refused _ -> before

    let rec private arrive (ends: JoinedEnds) (role: Role) (bytes: byte[]) : JoinedEnds =
        if bytes.Length = 0 then
            ends
        else
            let side = ends.End role
            let sink = ArrayBufferWriter<byte> 8
            let answers = ArrayBufferWriter<byte> 160
            let step = side.endpoint.Receive(ReadOnlySpan bytes, sink, answers, key)
            require (step.Consumed > 0) "nothing was taken of some bytes"
            let isWaiting = step.Incoming.IsNothing && step.Next.IsUnfinished

            let next = {
                side with
                    endpoint = step.Next
                    heard = heardIn step.Incoming side.heard
                    told =
                        if isWaiting then
                            side.told
                        else
                            side.told @ [ step.Incoming ]
                    data = Array.append side.data (sink.WrittenSpan.ToArray())
                    come =
                        if isWaiting then
                            Array.append side.come bytes[.. step.Consumed - 1]
                        else
                            [||]
            }

            let after = carry ends role next (answers.WrittenSpan.ToArray()) step.HalfClose
            require (side.said.IsNone || (after.End role).said = side.said) "a second close frame"
            arrive after role bytes[step.Consumed ..]

    /// What was told of what arrived before is over.
    let private silent (ends: JoinedEnds) (role: Role) : JoinedEnds =
        withEnd ends role {
            ends.End role with
                told = []
                data = [||]
        }

    let private endOfStream (ends: JoinedEnds) (role: Role) : JoinedEnds =
        let side = ends.End role
        let step = side.endpoint.EndOfStream()

        let next = {
            side with
                endpoint = step.Next
                come = [||]
        }

        carry ends role next [||] step.HalfClose

    let private deliver (ends: JoinedEnds) (role: Role) (amount: Delivery) : JoinedEnds voption =
        // Who takes nothing any more gives no answer.
        let isOver = (ends.End role).endpoint.IsReceivingOver
        let longest = 2 * ends.capacity

        let room =
            if isOver then
                longest
            else
                longest - List.length (wireTo ends (peerOf role))

        let onWire (rest: InTransit list) = silent (withWireTo ends role rest) role

        match wireTo ends role, amount with
        | InTransit.Bytes(bytes, _) :: rest, Delivery.Next when room > 0 ->
            ValueSome(arrive (onWire rest) role bytes)
        | InTransit.EndOfStream :: rest, Delivery.Next when room > 0 ->
            ValueSome(endOfStream (onWire rest) role)
        | InTransit.Bytes(bytes, false) :: rest, Delivery.Half when room > 0 ->
            let half = bytes.Length / 2
            let rest = InTransit.Bytes(bytes[half..], true) :: rest
            ValueSome(arrive (onWire rest) role bytes[.. half - 1])
        | InTransit.Bytes(first, _) :: InTransit.Bytes(second, _) :: rest, Delivery.Two when room > 1 ->
            ValueSome(arrive (onWire rest) role (Array.append first second))
        | _, (Delivery.Next | Delivery.Half | Delivery.Two) -> ValueNone

    let private leave (ends: JoinedEnds) (role: Role) : JoinedEnds voption =
        let side = ends.End role

        if side.isShut && not side.hasLeft then
            ValueSome(
                withEnd ends role {
                    side with
                        endpoint = side.endpoint.SendingEnded()
                        hasLeft = true
                }
            )
        else
            ValueNone

    let private spoil (ends: JoinedEnds) (role: Role) : JoinedEnds voption =
        match wireTo ends role with
        | InTransit.Bytes(bytes, false) :: rest when not ends.isSpoiled ->
            let spoiled = Array.append [| bytes[0] ||| 0x0Fuy |] bytes[1..]
            let ends = { ends with isSpoiled = true }
            ValueSome(withWireTo ends role (InTransit.Bytes(spoiled, false) :: rest))
        | _ -> ValueNone

    let private send
        (ends: JoinedEnds)
        (role: Role)
        (command: Command)
        (payload: byte[])
        : JoinedEnds voption =
        if List.length (wireTo ends (peerOf role)) >= ends.capacity then
            ValueNone
        else
            let side = ends.End role
            let output = ArrayBufferWriter<byte> 160
            let step = side.endpoint.Send(command, ReadOnlySpan payload, output, key)

            if step.Refused.IsSome then
                require (output.WrittenCount = 0) "something was written that was refused"
                ValueNone
            else
                let next = {
                    side with
                        endpoint = step.Next
                        come = if step.Next.IsReceivingOver then [||] else side.come
                }

                ValueSome(carry ends role next (output.WrittenSpan.ToArray()) step.HalfClose)

    let take (ends: JoinedEnds) (move: JoinedMove) : JoinedEnds voption =
        match move with
        | JoinedMove.Deliver(role, amount) -> deliver ends role amount
        | JoinedMove.Send(role, command, payload) -> send ends role command payload
        | JoinedMove.Leave role -> leave ends role
        | JoinedMove.Spoil role -> spoil ends role
        | JoinedMove.Cut when ends.isCut -> ValueNone
        | JoinedMove.Cut ->
            ValueSome {
                ends with
                    isCut = true
                    toServer = [ InTransit.EndOfStream ]
                    toClient = [ InTransit.EndOfStream ]
            }

    let rec settle (ends: JoinedEnds) : JoinedEnds =
        match deliver ends Role.Server Delivery.Next with
        | ValueSome next -> settle next
        | ValueNone ->
            match deliver ends Role.Client Delivery.Next with
            | ValueSome next -> settle next
            | ValueNone -> ends

type JoinedEnds with

    /// <summary>Two ends right after their opening handshake.</summary>
    /// <param name="server">The server's settings.</param>
    /// <param name="client">The client's settings.</param>
    /// <param name="capacity">
    /// How many frames may wait in each direction before an application has to: 1 or more, 2 by default. Answers go beyond that, up to
    /// twice as many.
    /// </param>
    /// <exception cref="T:System.ArgumentException">The roles of the settings are others.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The capacity is less than 1.</exception>
    static member Create
        (
            server: ConnectionSettings,
            client: ConnectionSettings,
            [<Optional; DefaultParameterValue(2)>] capacity: int
        ) : JoinedEnds =
        ArgumentNullException.ThrowIfNull(server, nameof server)
        ArgumentNullException.ThrowIfNull(client, nameof client)
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1, nameof capacity)

        if not server.Role.IsServer then
            raise (ArgumentException("These are the settings of a client.", nameof server))

        if not client.Role.IsClient then
            raise (ArgumentException("These are the settings of a server.", nameof client))

        {
            server = Joining.atStart server
            client = Joining.atStart client
            toServer = []
            toClient = []
            isCut = false
            isSpoiled = false
            capacity = capacity
        }

    /// <summary>Moves of both ends and the network, of each kind: what an exploration of all schedules tries.</summary>
    static member Moves: JoinedMove[] = Array.copy JoinedMoves.all

    /// <summary>Makes a move, if it can be made: there may be nothing to arrive, no room, or a command may be refused.</summary>
    /// <param name="move">The move.</param>
    /// <param name="next">The ends after it.</param>
    /// <returns>False when it can't be made.</returns>
    /// <exception cref="T:System.InvalidOperationException">The endpoints contradict each other: a fault of the library.</exception>
    member ends.TryTake(move: JoinedMove, [<Out>] next: byref<JoinedEnds>) : bool =
        ArgumentNullException.ThrowIfNull(move, nameof move)

        match Joining.take ends move with
        | ValueSome after ->
            next <- after
            true
        | ValueNone -> false

    /// <summary>Lets everything arrive that is on its way, answers included, until nothing is.</summary>
    member ends.Settle() : JoinedEnds = Joining.settle ends
