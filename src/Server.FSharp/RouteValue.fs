// What is behind routes with typed values: the types that a pattern has, its handlers, its paths.
namespace FunctionalWs.FSharp

open System
open System.Collections.Generic
open FunctionalWs
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

    /// What can't be read here may have converters of the map's own; the map tells.
    let checkHandler (pattern: string) (taken: Type list) : unit =
        match RoutePattern.parse pattern with
        | Error _ -> ()
        | Ok parsed ->
            let given = List.ofSeq parsed.ValueTypes

            if not (given.IsEmpty || fits taken given) then
                raise (mismatch pattern given taken "its handler")

    let parse (pattern: string) (taken: Type list) : RoutePattern =
        match RoutePattern.parse pattern with
        | Error error -> raise (ArgumentException(error.ToString(), nameof pattern))
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
