// What is behind routes with typed values: the types that a pattern has, its handlers, its paths.
namespace FunctionalWs.FSharp

open System
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Routing

/// The types of a path's values, and those that a function of them has.
module internal RouteTypes =

    let private names =
        dict [
            typeof<int>, "int"
            typeof<int64>, "int64"
            typeof<float>, "float"
            typeof<string>, "string"
        ]

    let private name (t: Type) : string =
        match names.TryGetValue t with
        | true, name -> name
        | false, _ -> t.Name

    let private list (types: Type seq) : string =
        "(" + String.Join(", ", Seq.map name types) + ")"

    let private takes (taken: Type list) (given: Type list) : bool =
        List.forall2 (fun (wanted: Type) (value: Type) -> wanted.IsAssignableFrom value) taken given

    /// A function may take more values than the path has: those of the host come before them, defaults after.
    let private fits (taken: Type list) (given: Type list) : bool =
        taken
        |> List.windowed given.Length
        |> List.exists (fun some -> takes some given)

    let private mismatch (pattern: string) (given: Type list) (taken: Type list) (what: string) : exn =
        let text =
            "The route '"
            + pattern
            + "' has the values "
            + list given
            + ", but "
            + what
            + " takes "
            + list taken
            + "."

        ArgumentException(text, nameof pattern)

    let private unreadable (error: RouteSyntaxError) : exn =
        ArgumentException(error.ToString(), "pattern")

    let private known =
        set [
            "string"
            "alpha"
            "any"
            "path"
            "int"
            "long"
            "float"
            "double"
            "uuid"
            "guid"
        ]

    /// Stands for a converter that a map may have, of which nothing is known here.
    let private anything = {
        new RouteConverter() with
            override _.TryParse(text, value) =
                value <- text
                true

            override _.TryFormat(_, text) =
                text <- null
                false
    }

    let private isPartOfName (character: char) =
        Char.IsAsciiLetterOrDigit character || character = '_'

    /// A converter for each word that isn't the name of one of the library's.
    let private others (pattern: string) : Dictionary<string, RouteConverter> =
        let converters = Dictionary<string, RouteConverter>(StringComparer.Ordinal)
        let words = String.map (fun it -> if isPartOfName it then it else ' ') pattern

        for word in words.Split(' ', StringSplitOptions.RemoveEmptyEntries) do
            if not (known.Contains word) then
                converters[word] <- anything

        converters

    /// A path, and whether the types of its values are known here: those of a map's own converters are not.
    let private readable (pattern: string) : struct (RoutePattern * bool) =
        match RoutePattern.parse pattern with
        | Ok parsed -> struct (parsed, true)
        | Error error ->
            match RoutePattern.parseWith (others pattern) pattern with
            | Ok parsed -> struct (parsed, false)
            | Error _ -> raise (unreadable error)

    /// A path that can't be read with whatever converters is refused here, as the map would that is made of it.
    let check (pattern: string) : unit = readable pattern |> ignore

    let checkHandler (pattern: string) (taken: Type list) : unit =
        let struct (parsed, isKnown) = readable pattern
        let given = List.ofSeq parsed.ValueTypes

        if isKnown && not (given.IsEmpty || fits taken given) then
            raise (mismatch pattern given taken "its handler")

    /// The names of the values that a hook takes, which are those of the path.
    let checkHook (pattern: string) (taken: Type list) : string list =
        let struct (parsed, isKnown) = readable pattern
        let given = List.ofSeq parsed.ValueTypes

        if given.Length <> taken.Length || (isKnown && not (takes taken given)) then
            raise (mismatch pattern given taken "its hook")

        List.ofSeq parsed.Names

    let parse (pattern: string) (taken: Type list) : RoutePattern =
        match RoutePattern.parse pattern with
        | Error error -> raise (unreadable error)
        | Ok parsed ->
            let given = List.ofSeq parsed.ValueTypes

            if given.Length <> taken.Length || not (takes taken given) then
                raise (mismatch pattern given taken "its builder")

            parsed

/// Rules with handlers of typed values, and builders of their paths.
module internal RouteValue =

    let get<'T> (index: int) (values: RouteValues) : 'T = unbox (Seq.item index values.Values)

    let rule (pattern: string) (types: Type list) (handler: ServerConnection -> RouteValues -> unit) : Rule =
        RouteTypes.checkHandler pattern types

        let action =
            Action<ServerConnection, RouteValues>(fun connection values -> handler connection values)

        Rule(pattern, RouteAction(action, null, Array.ofList types, null))

    /// The rule with a hook that is given the values of its path, after those that it has.
    let guard
        (types: Type list)
        (hook: ServerConnection -> Request -> objnull array -> Response option)
        (rule: Rule)
        : Rule =
        let names = RouteTypes.checkHook rule.Pattern types

        let own =
            ProcessRequest(fun connection request ->
                let values = [| for name in names -> box connection.RouteValues[name] |]
                hook connection request values |> Option.toObj)

        match rule.ProcessRequest with
        | null -> RuleCopy.ProcessRequest(rule, own)
        | first -> RuleCopy.ProcessRequest(rule, first.Then own)

    let builder (pattern: string) (types: Type list) : objnull list -> string =
        let parsed = RouteTypes.parse pattern types
        let rule = RouteRule.Create(pattern, parsed).AsBuildOnly()

        match RouteTable.create false [ rule ] with
        | Error error -> raise (ArgumentException(error.ToString(), nameof pattern))
        | Ok table ->
            let name (name: string) (value: objnull) =
                match value with
                | null -> nullArg name
                | value -> KeyValuePair(name, value)

            fun values ->
                let named = Seq.map2 name parsed.Names values

                match table.BuildPath(pattern, RouteValues.Create named) with
                | Ok path -> path
                | Error error -> raise (UrlBuildException(error.ToString()))
