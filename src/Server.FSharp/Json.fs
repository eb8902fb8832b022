// JSON in messages: values by the type's information, which System.Text.Json makes of options.
namespace FunctionalWs.FSharp

open System.Text.Json
open System.Text.Json.Serialization.Metadata
open FunctionalWs

/// <summary>Values in JSON.</summary>
module Json =

    /// <summary>
    /// How values of a type are written and read: made once for each type. Records, tuples, lists and options need no more; a union needs a
    /// converter among the options. The type is public: of a private one nothing is found. <c>JsonSerializerOptions.Web</c> finds types by
    /// reflection, which native code has not: there the options have a resolver that was generated.
    /// </summary>
    /// <param name="options">The options, such as <c>JsonSerializerOptions.Web</c>.</param>
    /// <exception cref="T:System.NotSupportedException">The options know no such type.</exception>
    let typeInfo<'T> (options: JsonSerializerOptions) : JsonTypeInfo<'T> =
        downcast options.GetTypeInfo typeof<'T>

    /// <summary>Reads a value from a message.</summary>
    /// <param name="info">How it is read.</param>
    /// <param name="message">The message, text or bytes.</param>
    /// <exception cref="T:FunctionalWs.NotJsonException">
    /// The message is no JSON of that shape. Unless the handler catches this, the client is told so, with 1007 or 1003.
    /// </exception>
    let read (info: JsonTypeInfo<'T>) (message: Message) : 'T when 'T: not null = message.Json info

    /// <summary>Reads a value from a message; <c>None</c> when it is no JSON of that shape, or <c>null</c>.</summary>
    /// <param name="info">How it is read.</param>
    /// <param name="message">The message, text or bytes.</param>
    let tryRead (info: JsonTypeInfo<'T>) (message: Message) : 'T option when 'T: not null =
        let mutable value = Unchecked.defaultof<'T>
        if message.TryJson(info, &value) then Some value else None
