/// Every public item has a documentation comment; the F# compiler doesn't ask for them.
module FunctionalWs.Api.Tests.DocumentationTests

open System
open System.IO
open System.Reflection
open System.Xml.Linq
open Microsoft.FSharp.Reflection
open Expecto
open Swensen.Unquote

let private documented (assembly: Assembly) : Set<string> =
    let file = Path.ChangeExtension(assembly.Location, ".xml")

    XDocument.Load(file).Descendants(XName.Get "member")
    |> Seq.filter (fun entry ->
        entry.HasElements
        && not (
            String.IsNullOrWhiteSpace entry.Value
            && isNull (entry.Element(XName.Get "inheritdoc"))
        ))
    |> Seq.map (fun entry -> entry.Attribute(XName.Get "name").Value.Split('(')[0])
    |> Set.ofSeq

/// As XML files write it: nested types with a dot, generic methods with the number of their parameters.
let private key (kind: char) (t: Type) (suffix: string) =
    $"{kind}:" + string(t.FullName).Replace('+', '.') + suffix

let private generics (method: MethodInfo) =
    if method.IsGenericMethod then
        $"``{method.GetGenericArguments().Length}"
    else
        ""

let private membersOf (t: Type) = [
    for property in MemberText.properties t do
        if not (FSharpType.IsRecord t && isNull property.GetMethod) then
            key 'P' t ("." + property.Name)
    for method in MemberText.methods t do
        if not (t.IsSubclassOf typeof<Delegate>) then
            key 'M' t ("." + method.Name + generics method)
]

let private isCase (t: Type) =
    match t.DeclaringType with
    | null -> false
    | outer -> FSharpType.IsUnion outer

let private ofUnion (t: Type) = [
    for case in FSharpType.GetUnionCases t do
        key 'T' t ("." + case.Name)
]

/// Keys of everything that is to have a comment.
let private items (assembly: Assembly) : string list = [
    for t in assembly.GetExportedTypes() do
        if not (isCase t) then
            key 'T' t ""

            if FSharpType.IsUnion t then
                yield! ofUnion t
            else
                yield! membersOf t
]

let private missing (assembly: Assembly) =
    let known = documented assembly
    let normal (item: string) = item.Split('(')[0]

    items assembly
    |> List.map normal
    |> List.filter (known.Contains >> not)
    |> List.distinct

[<Tests>]
let documentation =
    testList "documentation" [
        for package in Packages.all do
            testCase $"every public item of {Packages.name package} has a comment" (fun () ->
                missing package.Assembly =! [])

        testCase "functions, cases, members and types are asked for" (fun () ->
            let asked = items typeof<FunctionalWs.Protocol.Request>.Assembly |> Set.ofList

            let some =
                Set.ofList [
                    "M:FunctionalWs.Protocol.Connection.Receive"
                    "P:FunctionalWs.Protocol.Request.Method"
                    "T:FunctionalWs.Protocol.Closure"
                    "T:FunctionalWs.Protocol.Closure.Lost"
                ]

            Set.difference some asked =! Set.empty)
    ]
