/// Types as a reader of the language would write them, with what may be null.
module FunctionalWs.Api.Tests.TypeText

open System
open System.Reflection

/// Whose notation is written.
type Language =
    | CSharp
    | FSharp

let private keywords =
    dict [
        "System.Boolean", ("bool", "bool")
        "System.Byte", ("byte", "byte")
        "System.Char", ("char", "char")
        "System.Decimal", ("decimal", "decimal")
        "System.Double", ("double", "float")
        "System.Int16", ("short", "int16")
        "System.Int32", ("int", "int")
        "System.Int64", ("long", "int64")
        "System.Object", ("object", "obj")
        "System.String", ("string", "string")
        "System.UInt16", ("ushort", "uint16")
        "System.UInt32", ("uint", "uint32")
        "System.UInt64", ("ulong", "uint64")
        "System.Void", ("void", "unit")
        "Microsoft.FSharp.Core.Unit", ("Unit", "unit")
    ]

let private postfix =
    dict [
        "Microsoft.FSharp.Core.FSharpOption`1", "option"
        "Microsoft.FSharp.Core.FSharpValueOption`1", "voption"
        "Microsoft.FSharp.Collections.FSharpList`1", "list"
    ]

let private prefix =
    dict [
        "System.Collections.Generic.IEnumerable`1", "seq"
        "Microsoft.FSharp.Core.FSharpResult`2", "Result"
        "Microsoft.FSharp.Core.FSharpChoice`2", "Choice"
        "Microsoft.FSharp.Core.FSharpChoice`3", "Choice"
        "Microsoft.FSharp.Collections.FSharpMap`2", "Map"
    ]

let private bare (name: string) = name.Split('`')[0]

/// The name with the types it lies in, without its arguments.
let rec name (t: Type) : string =
    match t.DeclaringType with
    | null -> bare t.Name
    | _ when t.IsGenericParameter -> t.Name
    | outer -> $"{name outer}.{bare t.Name}"

let private definition (t: Type) =
    let definition = if t.IsGenericType then t.GetGenericTypeDefinition() else t
    string definition.FullName

let private mark (language: Language) (isNull: bool) (text: string) =
    match language with
    | _ when not isNull -> text
    | CSharp -> text + "?"
    | FSharp -> text + " | null"

let private applied (language: Language) (t: Type) (arguments: string list) : string =
    let key = definition t
    let listed = String.concat ", " arguments

    match language, arguments with
    | CSharp, [ argument ] when key = "System.Nullable`1" -> argument + "?"
    | CSharp, _ when key.StartsWith "System.ValueTuple`" -> $"({listed})"
    | FSharp, _ when key.StartsWith "System.ValueTuple`" -> "struct (" + String.concat " * " arguments + ")"
    | FSharp, [ argument; result ] when key = "Microsoft.FSharp.Core.FSharpFunc`2" ->
        // Curried: the arrows of the result go on in the same parentheses.
        let rest =
            if result.Contains " -> " then
                result.TrimStart('(').TrimEnd(')')
            else
                result

        $"({argument} -> {rest})"
    | FSharp, [ argument ] when postfix.ContainsKey key -> $"{argument} {postfix[key]}"
    | FSharp, _ when prefix.ContainsKey key -> $"{prefix[key]}<{listed}>"
    | _, _ -> $"{name t}<{listed}>"

let private argumentsOf (t: Type) (info: NullabilityInfo option) =
    let known =
        info
        |> Option.map _.GenericTypeArguments
        |> Option.filter (fun known -> known.Length = t.GetGenericArguments().Length)

    t.GetGenericArguments()
    |> Array.mapi (fun index argument -> argument, Option.map (Array.item index) known)
    |> List.ofArray

/// A type; with what reflection knows about its nulls, if anything.
let rec text (language: Language) (t: Type) (info: NullabilityInfo option) : string =
    // None is null in memory, but not for a reader.
    let isNull =
        not t.IsValueType
        && not (postfix.ContainsKey(definition t))
        && info |> Option.exists (fun info -> info.ReadState = NullabilityState.Nullable)

    let whole =
        if t.IsGenericParameter then
            t.Name
        elif t.IsArray then
            let element = info |> Option.bind (fun info -> Option.ofObj info.ElementType)
            text language (nonNull (t.GetElementType())) element + "[]"
        elif t.IsGenericType then
            argumentsOf t info
            |> List.map (fun (argument, info) -> text language argument info)
            |> applied language t
        else
            match keywords.TryGetValue(definition t) with
            | true, (csharp, _) when language = CSharp -> csharp
            | true, (_, fsharp) -> fsharp
            | false, _ -> name t

    mark language isNull whole

/// What a parameter or a result takes or gives.
let ofParameter (language: Language) (parameter: ParameterInfo) : string =
    let info = NullabilityInfoContext().Create parameter
    let t = parameter.ParameterType

    if not t.IsByRef then
        text language t (Some info)
    else
        let target = text language (nonNull (t.GetElementType())) None

        match language with
        | CSharp when parameter.IsIn -> $"in {target}"
        | CSharp when parameter.IsOut -> $"out {target}"
        | CSharp -> $"ref {target}"
        | FSharp when parameter.IsIn -> $"inref<{target}>"
        | FSharp when parameter.IsOut -> $"outref<{target}>"
        | FSharp -> $"byref<{target}>"

let ofProperty (language: Language) (property: PropertyInfo) : string =
    text language property.PropertyType (Some(NullabilityInfoContext().Create property))

let ofField (language: Language) (field: FieldInfo) : string =
    text language field.FieldType (Some(NullabilityInfoContext().Create field))

/// A constant as it is written.
let constant (value: obj | null) : string =
    match value with
    | null -> "null"
    | :? string as value -> $"\"{value}\""
    | :? bool as value -> if value then "true" else "false"
    | :? IFormattable as value -> value.ToString(null, Globalization.CultureInfo.InvariantCulture)
    | value -> string value
