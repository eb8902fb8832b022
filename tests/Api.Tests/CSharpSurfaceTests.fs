/// Whoever uses the server from C# meets no type of F#'s own.
module FunctionalWs.Api.Tests.CSharpSurfaceTests

open System
open System.Reflection
open Expecto
open Swensen.Unquote

let private isPublic (method: MethodBase) =
    method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly

/// A type with all that it is made of.
let rec private parts (t: Type) : Type list = [
    t
    if t.HasElementType then
        yield! parts (t.GetElementType())
    for argument in t.GetGenericArguments() do
        if not argument.IsGenericParameter then
            yield! parts argument
]

let private signature (method: MethodBase) : Type list = [
    for parameter in method.GetParameters() do
        parameter.ParameterType
    match method with
    | :? MethodInfo as method -> method.ReturnType
    | _ -> ()
]

let private flags =
    BindingFlags.Public
    ||| BindingFlags.NonPublic
    ||| BindingFlags.Instance
    ||| BindingFlags.Static
    ||| BindingFlags.DeclaredOnly

/// Every type that a signature of an assembly names, with the place.
let private named (assembly: Assembly) : (string * Type) list = [
    for t in assembly.GetExportedTypes() do
        for parent in Option.toList (Option.ofObj t.BaseType) @ List.ofArray (t.GetInterfaces()) do
            for part in parts parent do
                t.FullName, part

        for someMember in t.GetMembers flags do
            let place = $"{t.FullName}.{someMember.Name}"

            match someMember with
            | :? MethodBase as method when isPublic method ->
                for part in List.collect parts (signature method) do
                    place, part
            | :? FieldInfo as field when field.IsPublic || field.IsFamily ->
                for part in parts field.FieldType do
                    place, part
            | _ -> ()
]

let private ofFSharpCore (assembly: Assembly) =
    named assembly
    |> List.filter (fun (_, t) -> t.Assembly = typeof<unit>.Assembly)
    |> List.map (fun (place, t) -> $"{place}: {t.Name}")
    |> List.distinct

/// The libraries that are F# all through.
let private pure' = [
    typeof<FunctionalWs.Protocol.Request>.Assembly
    typeof<FunctionalWs.Routing.RouteTable>.Assembly
    typeof<FunctionalWs.Protocol.Recording>.Assembly
]

[<Tests>]
let csharpSurface =
    testList "surface for C#" [
        testCase "no signature of the server has a type of FSharp.Core" (fun () ->
            ofFSharpCore typeof<FunctionalWs.Server>.Assembly =! [])

        testTheory
            "no type of the pure libraries has a name that F# made up for a module"
            pure'
            (fun assembly ->
                [
                    for t in assembly.GetExportedTypes() do
                        if t.Name.EndsWith("Module", StringComparison.Ordinal) then
                            t.FullName
                ]
                =! [])

        testTheory "no signature of the pure libraries has a list of F#'s own" pure' (fun assembly ->
            ofFSharpCore assembly
            |> List.filter (fun place -> place.Contains("FSharpList", StringComparison.Ordinal))
            =! [])

        testTheory
            "each function of the pure libraries that gives a result has a twin that C# can try"
            pure'
            (fun assembly ->
                [
                    for t in assembly.GetExportedTypes() do
                        for method in t.GetMethods() do
                            let returned = method.ReturnType

                            if
                                returned.IsGenericType
                                && returned.GetGenericTypeDefinition() = typedefof<Result<_, _>>
                                && isNull (t.GetMethod $"Try{method.Name}")
                            then
                                $"{t.FullName}.{method.Name}"
                ]
                =! [])

        testCase "the check finds such types where they are" (fun () ->
            let found = ofFSharpCore (Assembly.Load "FunctionalWs.FSharp")

            test
                <@
                    found
                    |> List.exists (fun place -> place.Contains "WebSocket.serveWith: FSharpFunc`2")
                @>)
    ]
