// How much of a conversation is kept, and what is left out of it.
namespace FunctionalWs.Protocol

open System
open System.Text
open type System.FormattableString

/// <summary>How much a recorder keeps.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RecorderLimits private (steps: int, bytes: int) =

    /// <summary>The most steps that are kept: 1 or more; 100 by default.</summary>
    member _.MaxSteps = steps

    /// <summary>
    /// The most bytes of payloads of data frames that are kept: 0 or more. 0, the default, keeps none, and the payloads of pings
    /// and pongs neither.
    /// </summary>
    member _.MaxPayloadBytes = bytes

    /// <summary>100 steps, without payloads.</summary>
    static member Default: RecorderLimits = RecorderLimits(100, 0)

    /// <summary>Sets limits.</summary>
    /// <param name="maxSteps">The most steps: 1 or more.</param>
    /// <param name="maxPayloadBytes">The most bytes of payloads: 0 or more.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A limit is below its range.</exception>
    static member Create(maxSteps: int, maxPayloadBytes: int) : RecorderLimits =
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1, nameof maxSteps)
        ArgumentOutOfRangeException.ThrowIfNegative(maxPayloadBytes, nameof maxPayloadBytes)

        RecorderLimits(maxSteps, maxPayloadBytes)

    member private _.All = struct (steps, bytes)

    /// <summary>True when both keep the same.</summary>
    override limits.Equals(other: obj | null) : bool =
        match other with
        | :? RecorderLimits as other -> limits.All = other.All
        | _ -> false

    /// <summary>A hash code of both.</summary>
    override limits.GetHashCode() : int = hash limits.All

    /// <summary>Both limits.</summary>
    override _.ToString() =
        Invariant $"{steps} steps, {bytes} bytes of payloads"

/// What is left out of a recording.
module internal Redaction =

    let private blanks =
        Array.init (ControlPayload.MaxLength + 1) (fun length ->
            ControlPayload.Create(ReadOnlySpan(Array.zeroCreate<byte> length)))

    /// As many zeros, at most 125: what stands for a payload that is not kept. The same object each time.
    let blank (length: int) : ControlPayload =
        blanks[Math.Clamp(length, 0, ControlPayload.MaxLength)]

    let command (command: Command) : Command =
        match command with
        | Command.Ping payload -> Command.Ping(blank payload.Length)
        | Command.Pong payload -> Command.Pong(blank payload.Length)
        | Command.Message _
        | Command.FirstFragment _
        | Command.NextFragment _
        | Command.Close _
        | Command.Fail _ -> command

    let private longestText = 40

    /// Half a character, there from the start or left by the cut, can't be written: U+FFFD stands for it.
    let private shorten (text: string) =
        text.Substring(0, min text.Length longestText)
        |> Encoding.UTF8.GetBytes
        |> Encoding.UTF8.GetString

    /// What an extension's author wrote may be of any length.
    let error (error: ProtocolError) : ProtocolError =
        match error with
        | ProtocolError.ExtensionFailed(extension, reason) ->
            ProtocolError.ExtensionFailed(shorten extension, shorten reason)
        | other -> other

    /// A state after which something was recorded: not the end.
    let state (state: State) : State =
        match state with
        | State.Draining(Closure.Failed(ProtocolError.ExtensionFailed _ as found, sent)) ->
            State.Draining(Closure.Failed(error found, sent))
        | State.Open _
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> state

type RecorderLimits with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: RecorderLimits | null, right: RecorderLimits | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: RecorderLimits | null, right: RecorderLimits | null) : bool =
        not (obj.Equals(left, right))
