// JSON in messages: values by the type's information, which System.Text.Json makes of options.
namespace FunctionalWs.FSharp

open System
open System.Text.Json
open System.Text.Json.Serialization.Metadata
open FSharp.Reflection
open FunctionalWs
open type System.FormattableString

/// <summary>Values in JSON.</summary>
module Json =

    /// Options and lists are unions that System.Text.Json knows; for others it has a converter that only throws.
    let private isUnionAlone (info: JsonTypeInfo) : bool =
        FSharpType.IsUnion(info.Type, true)
        && info.Kind = JsonTypeInfoKind.None
        && info.Converter.GetType().Assembly = typeof<JsonSerializer>.Assembly
        && info.Type.Namespace <> typeof<int list>.Namespace
        && info.Type.Namespace <> typeof<int option>.Namespace

    /// <summary>
    /// Options under which records are what their types say: a field that is missing or <c>null</c> is refused, unless it is an option, a
    /// <c>Nullable</c> or has <c>| null</c>. Otherwise they are those that are given. Read-only.
    /// </summary>
    /// <param name="options">The options, such as ones with converters.</param>
    let strict (options: JsonSerializerOptions) : JsonSerializerOptions = JsonRecords.strict options

    /// <summary>
    /// The options for records of F#: <c>JsonSerializerOptions.Web</c>, with names in camel case, as <c>strict</c> makes them.
    /// </summary>
    let options: JsonSerializerOptions = strict JsonSerializerOptions.Web

    /// <summary>
    /// How values of a type are written and read: made once for each type. Records, tuples, lists and options need no more; a union needs a
    /// converter among the options. The type is public: of a private one nothing is found. <c>Json.options</c> find types by reflection, which native code has not: there the options have a resolver that was generated.
    /// </summary>
    /// <param name="options">The options, such as <c>Json.options</c>.</param>
    /// <exception cref="T:System.NotSupportedException">
    /// The options know no such type, it is a union without a converter, or it is not public and nothing is found of it.
    /// </exception>
    let typeInfo<'T> (options: JsonSerializerOptions) : JsonTypeInfo<'T> =
        let info: JsonTypeInfo<'T> = downcast options.GetTypeInfo typeof<'T>

        if isUnionAlone info then
            raise (
                NotSupportedException(
                    Invariant $"{typeof<'T>} is a union: it needs a converter among the options."
                )
            )

        if
            info.Kind = JsonTypeInfoKind.Object
            && info.Properties.Count = 0
            && not typeof<'T>.IsVisible
        then
            raise (
                NotSupportedException(
                    Invariant $"{typeof<'T>} is not public: nothing would be read or written of it."
                )
            )

        info

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

    /// <summary>Reads a value from a text, such as a file's.</summary>
    /// <param name="info">How it is read.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="T:System.Text.Json.JsonException">The text is no JSON of that shape, or <c>null</c>.</exception>
    let ofText (info: JsonTypeInfo<'T>) (text: string) : 'T when 'T: not null =
        match JsonSerializer.Deserialize(text, info :> JsonTypeInfo) with
        | null -> raise (JsonException "The value is null.")
        | value -> unbox value

    /// <summary>Reads a value from a text; <c>None</c> when it is no JSON of that shape, or <c>null</c>.</summary>
    /// <param name="info">How it is read.</param>
    /// <param name="text">The text.</param>
    let tryOfText (info: JsonTypeInfo<'T>) (text: string) : 'T option when 'T: not null =
        try
            Some(ofText info text)
        with :? JsonException ->
            None

    /// <summary>Writes a value as a text.</summary>
    /// <param name="info">How it is written.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="T:System.NotSupportedException">The type can't be written.</exception>
    let toText (info: JsonTypeInfo<'T>) (value: 'T) : string = JsonSerializer.Serialize(value, info)
