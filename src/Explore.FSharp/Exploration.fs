// Every step from every state that moves lead to.
namespace FunctionalWs.Explore

open System
open System.Collections.Generic
open FunctionalWs.Protocol

/// <summary>A step that was explored.</summary>
[<StructuredFormatDisplay("{Shown}")>]
type ExploredStep = {
    /// <summary>The state before it.</summary>
    Before: State
    /// <summary>What happens.</summary>
    Move: Move
    /// <summary>What it leads to; only a command can be refused.</summary>
    Result: SendResult
} with

    /// <summary>The state after it: the one before where a command was refused.</summary>
    member step.After: State =
        match step.Result with
        | SendResult.Accepted transition -> transition.State
        | SendResult.Refused _ -> step.Before

    member private step.Shown: string =
        String.Concat(
            [|
                step.Before.ToString()
                " -- "
                step.Move.ToString()
                " -> "
                step.Result.ToString()
            |]
        )

    /// <summary>The step in words.</summary>
    override step.ToString() : string = step.Shown

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: ExploredStep | null, right: ExploredStep | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: ExploredStep | null, right: ExploredStep | null) : bool =
        not (obj.Equals(left, right))

/// <summary>Explores a connection's states.</summary>
[<RequireQualifiedAccess>]
module Explorer =

    /// <summary>The most states that are explored: 1,000,000.</summary>
    [<Literal>]
    let MaxStates = 1_000_000

    /// What is no command, as a connection takes it.
    let internal input (settings: ConnectionSettings) (move: Move) : Input =
        match move with
        | Move.Frame(name, bytes, _) ->
            match FrameReader.readMemory settings (ReadOnlyMemory bytes) with
            | FrameParse.Complete frame -> Input.Received frame
            | FrameParse.Malformed error -> Input.Broken error
            | FrameParse.Incomplete ->
                raise (ArgumentException("The bytes are no whole frame: " + name + ".", nameof move))
        | Move.Undecodable error -> Input.Broken error
        | Move.EndOfStream -> Input.EndOfStream
        | Move.Send command ->
            raise (
                ArgumentException(
                    "A command doesn't come from the peer: " + command.ToString() + ".",
                    nameof move
                )
            )

    /// <summary>Takes one step.</summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before it.</param>
    /// <param name="move">What happens.</param>
    /// <exception cref="T:System.ArgumentException">The bytes of the move are less than a frame.</exception>
    [<CompiledName("Step")>]
    let step (settings: ConnectionSettings) (state: State) (move: Move) : ExploredStep =
        ArgumentNullException.ThrowIfNull(move, nameof move)

        {
            Before = state
            Move = move
            Result =
                match move with
                | Move.Send command -> Connection.send state command
                | Move.Frame _
                | Move.Undecodable _
                | Move.EndOfStream ->
                    SendResult.Accepted(Connection.receive settings state (input settings move))
        }

    /// <summary>
    /// Every step from every state that any sequence of these moves leads to, from the beginning of a connection on, breadth first.
    /// There are as many states as the limits allow: keep these small, as <c>Moves.settings</c> does.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="moves">What may happen.</param>
    /// <exception cref="T:System.ArgumentException">The bytes of a move are less than a frame.</exception>
    /// <exception cref="T:System.InvalidOperationException">There are more than <c>MaxStates</c> states.</exception>
    [<CompiledName("Steps")>]
    let steps (settings: ConnectionSettings) (moves: Move[]) : ExploredStep[] =
        ArgumentNullException.ThrowIfNull(moves, nameof moves)
        let known = HashSet<State>([ Connection.start ])
        let waiting = Queue<State>([ Connection.start ])
        let steps = List<ExploredStep>()

        while waiting.Count > 0 do
            let state = waiting.Dequeue()

            for move in moves do
                let step = step settings state move
                steps.Add step

                if known.Add step.After then
                    waiting.Enqueue step.After

            if known.Count > MaxStates then
                raise (
                    InvalidOperationException
                        "There are more than a million states: smaller limits have fewer."
                )

        steps.ToArray()
