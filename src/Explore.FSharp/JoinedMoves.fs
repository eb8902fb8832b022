// What two joined ends and the network between them may do.
namespace FunctionalWs.Explore

open System
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>What is on its way to an end.</summary>
[<RequireQualifiedAccess>]
type InTransit =
    /// <summary>The bytes of a frame, or what is left of them: then <c>IsCut</c>. Not to be changed.</summary>
    | Bytes of Bytes: byte[] * IsCut: bool
    /// <summary>The end of the stream.</summary>
    | EndOfStream

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: InTransit | null, right: InTransit | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: InTransit | null, right: InTransit | null) : bool =
        not (obj.Equals(left, right))

/// <summary>How much arrives at once.</summary>
[<Struct; RequireQualifiedAccess>]
type Delivery =
    /// <summary>What is next: the rest of a frame, or the end of the stream.</summary>
    | Next
    /// <summary>The first half of a frame.</summary>
    | Half
    /// <summary>The rest of a frame and the frame behind it.</summary>
    | Two

    /// <summary>The name of the case.</summary>
    override delivery.ToString() : string =
        match delivery with
        | Delivery.Next -> nameof Delivery.Next
        | Delivery.Half -> nameof Delivery.Half
        | Delivery.Two -> nameof Delivery.Two

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Delivery, right: Delivery) : bool = left.Equals right

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Delivery, right: Delivery) : bool = not (left.Equals right)

/// <summary>What an end or the network does.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type JoinedMove =
    /// <summary>An end sends; the payload is that of a message or fragment. Not to be changed.</summary>
    | Send of From: Role * Command: Command * Payload: byte[]
    /// <summary>Something arrives.</summary>
    | Deliver of To: Role * Amount: Delivery
    /// <summary>What an end has written before it ended its side of the stream has left.</summary>
    | Leave of From: Role
    /// <summary>The next frame on its way to an end gets an opcode that there isn't; once.</summary>
    | Spoil of To: Role
    /// <summary>The network breaks: nothing arrives any more but the end of the stream, at both.</summary>
    | Cut

    member private move.Shown: string =
        match move with
        | JoinedMove.Send(role, command, _) -> Invariant $"{role} sends: {command}"
        | JoinedMove.Deliver(role, Delivery.Next) -> Invariant $"what is next arrives at {role}"
        | JoinedMove.Deliver(role, Delivery.Half) -> Invariant $"half a frame arrives at {role}"
        | JoinedMove.Deliver(role, Delivery.Two) -> Invariant $"two frames arrive at {role}"
        | JoinedMove.Leave role -> Invariant $"the last has left {role}"
        | JoinedMove.Spoil role -> Invariant $"a frame to {role} is spoiled"
        | JoinedMove.Cut -> "the network breaks"

    /// <summary>The move in words.</summary>
    override move.ToString() : string = move.Shown

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: JoinedMove | null, right: JoinedMove | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: JoinedMove | null, right: JoinedMove | null) : bool =
        not (obj.Equals(left, right))

/// Moves of each kind.
module internal JoinedMoves =

    let private commandsOf (role: Role) : Command list =
        let status (code: int) =
            CloseStatus.Create(CloseCode.Create code, role.ToString())

        [
            Command.Message DataKind.Binary
            Command.FirstFragment DataKind.Text
            Command.NextFragment true
            Command.Ping ControlPayload.Empty
            Command.Close(status 1001)
            Command.Fail(status 1011)
        ]

    let all: JoinedMove[] = [|
        for role in [ Role.Server; Role.Client ] do
            JoinedMove.Deliver(role, Delivery.Next)
            JoinedMove.Deliver(role, Delivery.Half)
            JoinedMove.Deliver(role, Delivery.Two)
            JoinedMove.Leave role
            JoinedMove.Spoil role

            for command in commandsOf role do
                JoinedMove.Send(role, command, "A"B)
        JoinedMove.Cut
    |]
