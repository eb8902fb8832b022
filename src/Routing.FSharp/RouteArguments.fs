// The arguments of converters: what is written in the parentheses of `int(min=1, max=9)`.
namespace FunctionalWs.Routing

open System
open System.Globalization

/// One argument of a converter, as written in a rule; the key is empty where only a value was written.
type internal RouteArgument = { Key: string; Value: string }

module internal RouteArguments =

    let private invariant = CultureInfo.InvariantCulture

    /// What an argument may be.
    type Kind =
        | Size
        | Whole
        | Decimal
        | Flag

    let private isOf (kind: Kind) (value: string) =
        match kind with
        | Size -> fst (UInt16.TryParse(value, NumberStyles.None, invariant))
        | Whole -> fst (Int64.TryParse(value, NumberStyles.AllowLeadingSign, invariant))
        | Decimal ->
            let isNumber, number = Double.TryParse(value, NumberStyles.Float, invariant)
            isNumber && Double.IsFinite number
        | Flag -> fst (Boolean.TryParse value)

    let private kindName (kind: Kind) =
        match kind with
        | Size -> "a number from 0 to 65535"
        | Whole -> "a whole number"
        | Decimal -> "a number"
        | Flag -> "True or False"

    /// Gives each argument its name, and checks that its value can be read.
    let bind
        (accepted: (string * Kind) list)
        (given: RouteArgument list)
        : Result<Map<string, string>, string> =
        let names = accepted |> List.map fst |> String.concat ", "

        let add bound (index, argument) =
            let key =
                if argument.Key <> "" then argument.Key
                elif index < accepted.Length then fst accepted[index]
                else ""

            match bound, List.tryFind (fst >> (=) key) accepted with
            | Error error, _ -> Error error
            | Ok _, None when names = "" -> Error "no arguments"
            | Ok _, None -> Error("no other arguments than " + names)
            | Ok bound, _ when Map.containsKey key bound -> Error("the argument " + key + " only once")
            | Ok _, Some(_, kind) when not (isOf kind argument.Value) ->
                Error(kindName kind + " for " + key + ", not '" + argument.Value + "',")
            | Ok bound, Some _ -> Ok(Map.add key argument.Value bound)

        given |> List.indexed |> List.fold add (Ok Map.empty)

    let private valueOf (read: string -> 'a) (key: string) (missing: 'a) (bound: Map<string, string>) : 'a =
        bound |> Map.tryFind key |> Option.map read |> Option.defaultValue missing

    let whole = valueOf (fun text -> Int64.Parse(text, invariant))
    let decimal = valueOf (fun text -> Double.Parse(text, invariant))
    let size = valueOf (fun text -> Int32.Parse(text, invariant))
    let flag = valueOf Boolean.Parse
