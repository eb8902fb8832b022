// Sets of characters with a search of their own: a head is looked at with each byte that arrives of it.
namespace FunctionalWs.Protocol

open System
open System.Buffers

module HeaderSyntax =

    let private tokenCharacters =
        SearchValues.Create(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".AsSpan()
        )

    let private valueCharacters =
        SearchValues.Create(
            ReadOnlySpan [| '\t'; yield! [| ' ' .. '~' |]; yield! [| '\u0080' .. '\u00FF' |] |]
        )

    [<CompiledName("IsTokenCharacter")>]
    let isTokenCharacter (character: char) : bool = tokenCharacters.Contains character

    [<CompiledName("IsToken")>]
    let isToken (text: string) : bool =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        text.Length > 0 && text.AsSpan().IndexOfAnyExcept tokenCharacters < 0

    [<CompiledName("IsValueCharacter")>]
    let isValueCharacter (character: char) : bool = valueCharacters.Contains character

    [<CompiledName("IsValue")>]
    let isValue (text: string) : bool =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        text.AsSpan().IndexOfAnyExcept valueCharacters < 0
