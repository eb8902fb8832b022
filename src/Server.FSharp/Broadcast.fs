// Messages to many, in the order of arguments that pipes.
namespace FunctionalWs.FSharp

open System
open System.Text.Json.Serialization.Metadata
open FunctionalWs

/// <summary>
/// Sends a message to many connections without waiting for any of them: <c>room |> Broadcast.text "hello"</c>. The result says who has got
/// it, and why others have not.
/// </summary>
module Broadcast =

    /// <summary>Sends a text message.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="connections">The connections; those that aren't open are passed over.</param>
    /// <exception cref="T:System.ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    let text (text: string) (connections: ServerConnection seq) : BroadcastResult =
        FunctionalWs.Broadcast.Send(connections, text)

    /// <summary>Sends a binary message.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <param name="connections">The connections; those that aren't open are passed over.</param>
    let bytes (data: byte[]) (connections: ServerConnection seq) : BroadcastResult =
        FunctionalWs.Broadcast.Send(connections, ReadOnlySpan data)

    /// <summary>Sends a message as it is, text as text and bytes as bytes.</summary>
    /// <param name="message">The message.</param>
    /// <param name="connections">The connections; those that aren't open are passed over.</param>
    let message (message: Message) (connections: ServerConnection seq) : BroadcastResult =
        FunctionalWs.Broadcast.Send(connections, message)

    /// <summary>Sends a value as a text message in JSON, written once.</summary>
    /// <param name="info">How it is written: see <c>Json.typeInfo</c>.</param>
    /// <param name="value">The value.</param>
    /// <param name="connections">The connections; those that aren't open are passed over.</param>
    /// <exception cref="T:System.NotSupportedException">The type can't be written. Nothing was sent.</exception>
    let json (info: JsonTypeInfo<'T>) (value: 'T) (connections: ServerConnection seq) : BroadcastResult =
        FunctionalWs.Broadcast.Send(connections, value, info)
