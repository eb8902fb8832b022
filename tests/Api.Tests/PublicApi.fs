/// The public surface of an assembly as text: what a change of it shows in review.
module FunctionalWs.Api.Tests.PublicApi

open System
open System.Reflection
open Microsoft.FSharp.Reflection
open FunctionalWs.Api.Tests.TypeText

let private attributes (t: Type) =
    let known = [
        "AbstractClassAttribute"
        "AutoOpenAttribute"
        "FlagsAttribute"
        "NoComparisonAttribute"
        "NoEqualityAttribute"
        "ObsoleteAttribute"
        "RequireQualifiedAccessAttribute"
        "SealedAttribute"
    ]

    let names = t.GetCustomAttributesData() |> Seq.map _.AttributeType.Name |> Set.ofSeq

    known
    |> List.filter names.Contains
    |> List.map (fun known -> known.Replace("Attribute", ""))

let private decorated (names: string list) =
    if names.IsEmpty then
        ""
    else
        "[" + String.concat ", " names + "] "

/// Equality and comparison follow from a declaration; other interfaces don't.
let private interfaces (language: Language) (t: Type) =
    let implied = [
        "IComparable"
        "IEquatable"
        "IStructuralComparable"
        "IStructuralEquatable"
        "ISerializable"
    ]

    let inherited =
        match t.BaseType with
        | null -> [||]
        | parent -> parent.GetInterfaces()

    t.GetInterfaces()
    |> Array.except inherited
    |> Array.filter (fun one -> one.IsPublic && not (List.contains (name one) implied))
    |> Array.map (fun one -> text language one None)
    |> Array.sortWith (fun left right -> String.CompareOrdinal(left, right))
    |> List.ofArray

let private parents (language: Language) (t: Type) = [
    match t.BaseType with
    | null -> ()
    | parent when parent = typeof<obj> || parent = typeof<ValueType> || parent = typeof<Enum> -> ()
    | parent -> text language parent None
    yield! interfaces language t
]

let private inherits (language: Language) (t: Type) =
    match parents language t with
    | [] -> ""
    | parents -> " : " + String.concat ", " parents

let private isRecord (t: Type) = not (isNull (t.GetMethod "<Clone>$"))

let private csharpKind (t: Type) =
    if t.IsEnum then
        "enum"
    elif t.IsInterface then
        "interface"
    elif t.IsByRefLike then
        "ref struct"
    elif t.IsValueType then
        "struct"
    elif t.IsAbstract && t.IsSealed then
        "static class"
    else
        let openness =
            if t.IsAbstract then "abstract "
            elif t.IsSealed then "sealed "
            else ""

        openness + (if isRecord t then "record" else "class")

let private enumValues (t: Type) =
    Enum.GetNames t
    |> Array.map (fun name -> $"{name} = {Convert.ToInt64(Enum.Parse(t, name))}")
    |> List.ofArray

let private csharpType (t: Type) =
    let lead = decorated (attributes t)

    if t.IsSubclassOf typeof<Delegate> then
        let invoke = nonNull (t.GetMethod "Invoke")

        let signature =
            (MemberText.ofMethod CSharp invoke).Replace("virtual ", "").Replace(" Invoke(", $" {name t}(")

        $"{lead}delegate {signature}", []
    elif t.IsEnum then
        $"{lead}enum {name t}", enumValues t
    else
        $"{lead}{csharpKind t} {text CSharp t None}{inherits CSharp t}", MemberText.all CSharp t

let private without (implied: string seq) (members: string list) =
    List.filter (fun text -> not (Seq.contains text implied)) members

/// The cases in their order, which is part of the contract. A zeroed struct has nulls that nobody made.
let private cases (t: Type) =
    let field (field: PropertyInfo) =
        if t.IsValueType then
            $"{field.Name}: {text FSharp field.PropertyType None}"
        else
            $"{field.Name}: {ofProperty FSharp field}"

    [
        for case in FSharpType.GetUnionCases t do
            match case.GetFields() with
            | [||] -> $"| {case.Name}"
            | fields -> $"| {case.Name} of " + String.Join(" * ", fields |> Array.map field)
    ]

let private fsharpType (t: Type) =
    let lead = attributes t @ (if t.IsValueType then [ "Struct" ] else []) |> decorated

    let head = $"{lead}type {text FSharp t None}{inherits FSharp t}"
    let members = MemberText.all FSharp t

    if FSharpType.IsUnion t then
        // Those of the type itself, as a union of one case or a struct has them: a member with the name of a case's field is no field.
        let implied =
            FSharpType.GetUnionCases t
            |> Array.collect _.GetFields()
            |> Array.filter (fun field -> field.DeclaringType = t)
            |> Array.map (MemberText.ofPropertyMember FSharp)

        head + " =", cases t @ without implied members
    elif FSharpType.IsRecord t then
        let fields = FSharpType.GetRecordFields t
        let shown = [ for field in fields -> $"{{ {field.Name}: {ofProperty FSharp field} }}" ]
        let implied = fields |> Array.map (MemberText.ofPropertyMember FSharp)

        let constructors =
            MemberText.constructors t |> Array.map (MemberText.ofConstructor FSharp)

        head + " =", shown @ without (Seq.append implied constructors) members
    else
        head, members

/// The name in F#; the one in C# beside it where it is not the same with a capital.
let private names (someMember: MemberInfo) =
    match Seq.tryHead (someMember.GetCustomAttributes<CompilationSourceNameAttribute>()) with
    | Some source when not (source.SourceName.Equals(someMember.Name, StringComparison.OrdinalIgnoreCase)) ->
        source.SourceName, $"   // {someMember.Name}"
    | Some source -> source.SourceName, ""
    | None -> someMember.Name, ""

let private moduleFunction (method: MethodInfo) =
    let title, compiled = names method

    let parameters =
        method.GetParameters()
        |> Array.map (fun parameter -> $"{parameter.Name}: {ofParameter FSharp parameter} -> ")

    let shown = if title.Contains '|' then $"({title})" else title

    $"val {shown}: "
    + String.Join("", parameters)
    + ofParameter FSharp method.ReturnParameter
    + compiled

let private moduleValue (property: PropertyInfo) =
    let title, compiled = names property
    $"val {title}: {ofProperty FSharp property}{compiled}"

/// A module beside a type of its name has another in C#; what it was called is not kept.
let private moduleName (t: Type) =
    let bare = t.Name.Substring(0, max 0 (t.Name.Length - "Module".Length))

    if
        t.Name.EndsWith "Module"
        && not (isNull (t.Assembly.GetType $"{t.Namespace}.{bare}"))
    then
        $"{bare}   // {t.Name}"
    else
        name t

let private fsharpModule (t: Type) =

    let members =
        MemberText.sorted [
            for field in MemberText.fields t do
                field.Name, MemberText.ofFieldMember FSharp field
            for property in MemberText.properties t do
                property.Name, moduleValue property
            for method in MemberText.methods t do
                method.Name, moduleFunction method
        ]

    $"{decorated (attributes t)}module {moduleName t}", members

/// A union's case is a nested type; it follows from the union.
let private followsFromAnother (t: Type) =
    match t.DeclaringType with
    | null -> false
    | outer -> FSharpType.IsUnion outer || (t.Name = "Tags" && t.IsAbstract)

let private ofType (language: Language) (t: Type) =
    match language with
    | CSharp -> csharpType t
    | FSharp when FSharpType.IsModule t -> fsharpModule t
    | FSharp -> fsharpType t

/// The surface of an assembly, by namespace and name.
let ofAssembly (language: Language) (assembly: Assembly) : string =
    let lines = [
        for space, types in
            assembly.GetExportedTypes()
            |> Array.filter (followsFromAnother >> not)
            |> Array.groupBy (fun t -> string t.Namespace)
            |> Array.sortBy fst do
            $"namespace {space}"

            for t in
                types
                |> Array.sortWith (fun left right -> String.CompareOrdinal(left.FullName, right.FullName)) do
                let head, members = ofType language t
                ""
                head

                for one in members do
                    "    " + one
    ]

    String.concat "\n" lines + "\n"
