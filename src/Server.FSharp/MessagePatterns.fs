// Patterns for messages, so that a handler can match on what came.
namespace FunctionalWs.FSharp

open System
open FunctionalWs

/// <summary>Patterns for what came from a client.</summary>
[<AutoOpen>]
module MessagePatterns =

    /// <summary>
    /// Tells a text message, with its text decoded, from a binary one, with its bytes, which are not copied (RFC 6455 §5.6).
    /// </summary>
    /// <param name="message">The message to look at.</param>
    /// <exception cref="T:FunctionalWs.NotTextException">
    /// A text message is not UTF-8, which only happens where <c>ValidateText</c> is off.
    /// </exception>
    let (|Text|Binary|) (message: Message) : Choice<string, ReadOnlyMemory<byte>> =
        if message.IsText then
            Text message.Text
        else
            Binary message.Data
