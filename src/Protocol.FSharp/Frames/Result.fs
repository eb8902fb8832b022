namespace FunctionalWs.Protocol

module internal Result =

    /// What F# has as a result, as C# asks for it.
    let tryGet
        (result: Result<'T, 'Error>)
        (value: byref<'T | null>)
        (error: byref<'Error>)
        : bool when 'T: not null and 'T: not struct =
        match result with
        | Ok made ->
            value <- made
            true
        | Error wrong ->
            error <- wrong
            false
