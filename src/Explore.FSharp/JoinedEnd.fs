// One of two ends that are joined.
namespace FunctionalWs.Explore

open System
open System.Runtime.InteropServices
open FunctionalWs.Protocol

/// <summary>
/// One of two ends that are joined. Immutable. Compared by what it is to the future: its state, what has come of a frame that isn't whole,
/// what was said at the end.
/// </summary>
[<CustomEquality; NoComparison; StructuredFormatDisplay("{Endpoint}")>]
type JoinedEnd = private {
    endpoint: WebSocketEndpoint
    come: byte[]
    said: CloseStatus voption
    heard: CloseStatus voption
    isShut: bool
    hasLeft: bool
    told: Incoming list
    data: byte[]
} with

    /// <summary>The endpoint.</summary>
    member side.Endpoint: WebSocketEndpoint = side.endpoint

    /// <summary>Its state.</summary>
    member side.State: State = side.endpoint.State

    /// <summary>What its close frame has said, as it was on the wire; none when it has written none.</summary>
    member side.Said: CloseStatus voption = side.said

    /// <summary>Tells what its close frame has said; false when it has written none.</summary>
    /// <param name="status">The status.</param>
    member side.TryGetSaid([<Out>] status: byref<CloseStatus>) : bool =
        match side.said with
        | ValueSome said ->
            status <- said
            true
        | ValueNone -> false

    /// <summary>What the application was told of the peer's close frame; none when it was told of none.</summary>
    member side.Heard: CloseStatus voption = side.heard

    /// <summary>Tells what the application was told of the peer's close frame; false when it was told of none.</summary>
    /// <param name="status">The status.</param>
    member side.TryGetHeard([<Out>] status: byref<CloseStatus>) : bool =
        match side.heard with
        | ValueSome heard ->
            status <- heard
            true
        | ValueNone -> false

    /// <summary>True once it has ended its side of the stream.</summary>
    member side.IsShut: bool = side.isShut

    /// <summary>What the application was told when something last arrived, in order.</summary>
    member side.Told: Incoming[] = Array.ofList side.told

    /// <summary>The data of messages that arrived last.</summary>
    member side.Data: byte[] = Array.copy side.data

    member private side.Key =
        struct (side.State, side.come, side.said, side.heard, side.isShut, side.hasLeft)

    /// <summary>True for the same state, the same part of a frame and the same end.</summary>
    /// <param name="other">Another end.</param>
    override side.Equals(other: obj | null) : bool =
        match other with
        | :? JoinedEnd as other -> side.Key = other.Key
        | _ -> false

    /// <summary>A hash code of the same.</summary>
    override side.GetHashCode() : int = hash side.Key

    /// <summary>The endpoint in words.</summary>
    override side.ToString() : string = side.endpoint.ToString()

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: JoinedEnd | null, right: JoinedEnd | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: JoinedEnd | null, right: JoinedEnd | null) : bool =
        not (obj.Equals(left, right))
