// Members of groups, and what is sent to all of them, in the order of arguments that pipes.
namespace FunctionalWs.FSharp

open System
open System.Text.Json.Serialization.Metadata
open FunctionalWs

/// <summary>
/// Functions of one of <c>Groups</c>: <c>rooms["tea"] |> Group.add connection</c>, <c>rooms["tea"] |> Group.sendText "hello"</c>. Sending waits
/// for nobody; <c>Broadcast</c> does the same, and says who has got it.
/// </summary>
module Group =

    /// <summary>Makes a connection a member, unless it is one or isn't open any more. It leaves by itself when it is no longer open.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="group">The group.</param>
    let add (connection: ServerConnection) (group: Group) : unit = group.Add connection |> ignore

    /// <summary>Makes a connection no member any more, if it was one.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="group">The group.</param>
    let remove (connection: ServerConnection) (group: Group) : unit = group.Remove connection |> ignore

    /// <summary>Sends a text message to all members.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="group">The group.</param>
    /// <exception cref="T:System.ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    let sendText (text: string) (group: Group) : unit = group.Send text |> ignore

    /// <summary>Sends a binary message to all members.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <param name="group">The group.</param>
    let sendBytes (data: byte[]) (group: Group) : unit = group.Send(ReadOnlySpan data) |> ignore

    /// <summary>Sends a message as it is, text as text and bytes as bytes, to all members.</summary>
    /// <param name="message">The message.</param>
    /// <param name="group">The group.</param>
    let sendMessage (message: Message) (group: Group) : unit = group.Send message |> ignore

    /// <summary>Sends a value as a text message in JSON, written once, to all members.</summary>
    /// <param name="info">How it is written: see <c>Json.typeInfo</c>.</param>
    /// <param name="value">The value.</param>
    /// <param name="group">The group.</param>
    /// <exception cref="T:System.NotSupportedException">The type can't be written. Nothing was sent.</exception>
    let sendJson (info: JsonTypeInfo<'T>) (value: 'T) (group: Group) : unit =
        group.Send(value, info) |> ignore
