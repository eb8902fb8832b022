/// Members as lines of text, in the notation of the language they are written in.
module FunctionalWs.Api.Tests.MemberText

open System
open System.Reflection
open System.Runtime.CompilerServices
open FunctionalWs.Api.Tests.TypeText

let private isGenerated (someMember: MemberInfo) =
    someMember.IsDefined(typeof<CompilerGeneratedAttribute>, false)

let private isVisible (method: MethodBase | null) =
    match method with
    | null -> false
    | method -> method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly

/// What says nothing about a type that its declaration doesn't say.
let private isOverride (method: MethodInfo) =
    method.IsVirtual && method.GetBaseDefinition() <> method

let private flags =
    BindingFlags.Public
    ||| BindingFlags.NonPublic
    ||| BindingFlags.Instance
    ||| BindingFlags.Static
    ||| BindingFlags.DeclaredOnly

let private accessors (property: PropertyInfo) = [ property.GetMethod; property.SetMethod ]

let properties (t: Type) =
    t.GetProperties flags
    |> Array.filter (fun property -> not (isGenerated property) && List.exists isVisible (accessors property))

/// Also the methods of objects where a type has its own: `ToString` and its kin.
let methods (t: Type) =
    t.GetMethods flags
    |> Array.filter (fun method ->
        isVisible method
        && not (isGenerated method)
        && (not method.IsSpecialName
            || method.Name.StartsWith "op_"
            || method.Name.StartsWith '|'))

let constructors (t: Type) =
    t.GetConstructors flags
    |> Array.filter (fun constructor ->
        isVisible constructor
        && not (isGenerated constructor)
        && not constructor.IsStatic)

let fields (t: Type) =
    t.GetFields flags
    |> Array.filter (fun field -> (field.IsPublic || field.IsFamily) && not field.IsSpecialName)

let private modifiers (method: MethodBase) =
    String.concat "" [
        if method.IsFamily || method.IsFamilyOrAssembly then
            "protected "
        if method.IsStatic then
            "static "
        elif method.IsAbstract then
            "abstract "
        else
            match method with
            | :? MethodInfo as method when isOverride method -> "override "
            | method when method.IsVirtual && not method.IsFinal -> "virtual "
            | _ -> ""
    ]

let private defaultOf (parameter: ParameterInfo) =
    if not parameter.HasDefaultValue then
        ""
    elif
        isNull parameter.DefaultValue
        && parameter.ParameterType.IsValueType
        && isNull (Nullable.GetUnderlyingType parameter.ParameterType)
    then
        " = default"
    else
        " = " + constant parameter.DefaultValue

let private generics (method: MethodBase) =
    if method.IsGenericMethod then
        "<" + String.Join(", ", method.GetGenericArguments() |> Array.map _.Name) + ">"
    else
        ""

let private csharpParameter (parameter: ParameterInfo) =
    let leading =
        if parameter.IsDefined(typeof<ParamArrayAttribute>, false) then
            "params "
        elif
            parameter.Member.IsDefined(typeof<ExtensionAttribute>, false)
            && parameter.Position = 0
        then
            "this "
        else
            ""

    $"{leading}{ofParameter CSharp parameter} {parameter.Name}{defaultOf parameter}"

let private csharpParameters (method: MethodBase) =
    String.Join(", ", method.GetParameters() |> Array.map csharpParameter)

let private fsharpParameter (parameter: ParameterInfo) =
    $"{parameter.Name}: {ofParameter FSharp parameter}{defaultOf parameter}"

/// `init` is a setter with a mark on what it returns.
let private setter (method: MethodInfo) =
    let marks = method.ReturnParameter.GetRequiredCustomModifiers()

    if marks |> Array.contains typeof<IsExternalInit> then
        "init"
    else
        "set"

let ofMethod (language: Language) (method: MethodInfo) : string =
    match language with
    | CSharp ->
        $"{modifiers method}{ofParameter CSharp method.ReturnParameter} {method.Name}{generics method}({csharpParameters method})"
    | FSharp ->
        let parameters =
            String.Join(", ", method.GetParameters() |> Array.map fsharpParameter)

        $"{modifiers method}member {method.Name}{generics method}: ({parameters}) -> {ofParameter FSharp method.ReturnParameter}"

let ofConstructor (language: Language) (constructor: ConstructorInfo) : string =
    match language with
    | CSharp ->
        $"{modifiers constructor}{name (nonNull constructor.DeclaringType)}({csharpParameters constructor})"
    | FSharp ->
        let parameters =
            String.Join(", ", constructor.GetParameters() |> Array.map fsharpParameter)

        $"new: ({parameters})"

let ofPropertyMember (language: Language) (property: PropertyInfo) : string =
    let visible = accessors property |> List.filter isVisible |> List.map nonNull

    let verbs =
        visible
        |> List.map (fun method -> if method = property.GetMethod then "get" else setter method)

    let index = property.GetIndexParameters()

    match language with
    | CSharp ->
        let title =
            if index.Length = 0 then
                property.Name
            else
                "this[" + String.Join(", ", index |> Array.map csharpParameter) + "]"

        let body = verbs |> List.map (fun verb -> verb + ";") |> String.concat " "
        $"{modifiers visible.Head}{ofProperty CSharp property} {title} {{ {body} }}"
    | FSharp ->
        let indexed =
            String.Join("", index |> Array.map (fun one -> fsharpParameter one + " -> "))

        let suffix =
            if verbs = [ "get" ] then
                ""
            else
                " with " + String.concat ", " verbs

        $"{modifiers visible.Head}member {property.Name}: {indexed}{ofProperty FSharp property}{suffix}"

let ofFieldMember (language: Language) (field: FieldInfo) : string =
    let value =
        if field.IsLiteral then
            " = " + constant (field.GetRawConstantValue())
        else
            ""

    let leading =
        if field.IsLiteral then "const "
        elif field.IsStatic then "static "
        else ""

    match language with
    | CSharp -> $"{leading}{ofField CSharp field} {field.Name}{value}"
    | FSharp -> $"{leading}val {field.Name}: {ofField FSharp field}{value}"

/// By name, then by text: stable, and overloads stand together.
let sorted (members: (string * string) list) : string list =
    members
    |> List.sortWith (fun (name, text) (otherName, otherText) ->
        match String.CompareOrdinal(name, otherName) with
        | 0 -> String.CompareOrdinal(text, otherText)
        | order -> order)
    |> List.map snd

/// All members that a declaration doesn't imply.
let all (language: Language) (t: Type) : string list =
    sorted [
        for constructor in constructors t do
            "", ofConstructor language constructor
        for field in fields t do
            field.Name, ofFieldMember language field
        for property in properties t do
            property.Name, ofPropertyMember language property
        for method in methods t do
            method.Name, ofMethod language method
    ]
