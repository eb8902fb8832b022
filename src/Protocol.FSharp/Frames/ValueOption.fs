namespace FunctionalWs.Protocol

module internal ValueOption =

    /// What F# has as an option, as C# asks for it.
    let tryGet (option: 'T voption) (value: byref<'T>) : bool =
        match option with
        | ValueSome found ->
            value <- found
            true
        | ValueNone -> false
