// Which public members of an assembly a program never uses:
//   dotnet fsi .ci/unusedMembers.fsx PROGRAM.dll LIBRARY.dll FOLDER_OF_THE_SOURCES
// Prints them and exits with 1 if there are any. Also refuses a program that refers to FSharp.Core.
open System
open System.Collections.Immutable
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.PortableExecutable

/// Types by name: enough to tell overloads apart.
type Names() =
    let ofHandle (reader: MetadataReader) (space: StringHandle) (name: StringHandle) =
        match reader.GetString space, reader.GetString name with
        | "", name -> name
        | space, name -> $"{space}.{name}"

    interface ISignatureTypeProvider<string, unit> with
        member _.GetArrayType(element, shape) = $"{element}[{shape.Rank}]"
        member _.GetByReferenceType element = element + "&"
        member _.GetFunctionPointerType _ = "fn"

        member _.GetGenericInstantiation(generic: string, arguments: ImmutableArray<string>) =
            $"{generic}<" + String.Join(",", arguments) + ">"

        member _.GetGenericMethodParameter(_, index) = $"!!{index}"
        member _.GetGenericTypeParameter(_, index) = $"!{index}"
        member _.GetModifiedType(_, unmodified, _) = unmodified
        member _.GetPinnedType element = element
        member _.GetPointerType element = element + "*"
        member _.GetPrimitiveType code = $"{code}"
        member _.GetSZArrayType element = element + "[]"

        member _.GetTypeFromDefinition(reader, handle, _) =
            let definition = reader.GetTypeDefinition handle
            ofHandle reader definition.Namespace definition.Name

        member _.GetTypeFromReference(reader, handle, _) =
            let reference = reader.GetTypeReference handle
            ofHandle reader reference.Namespace reference.Name

        member this.GetTypeFromSpecification(reader, context, handle, _) =
            (reader.GetTypeSpecification handle).DecodeSignature(this, context)

let names = Names()

let read (file: string) =
    (new PEReader(File.OpenRead file)).GetMetadataReader()

let describe (typeName: string) (memberName: string) (signature: MethodSignature<string>) =
    $"{typeName}.{memberName}(" + String.Join(", ", signature.ParameterTypes) + ")"

let typeName (reader: MetadataReader) (space: StringHandle) (name: StringHandle) =
    $"{reader.GetString space}.{reader.GetString name}"

/// Methods that a program refers to.
let used (program: MetadataReader) : Set<string> =
    set [
        for handle in program.MemberReferences do
            let reference = program.GetMemberReference handle

            match reference.Parent.Kind, reference.GetKind() with
            | HandleKind.TypeReference, MemberReferenceKind.Method ->
                let parent =
                    program.GetTypeReference(TypeReferenceHandle.op_Explicit reference.Parent)

                describe
                    (typeName program parent.Namespace parent.Name)
                    (program.GetString reference.Name)
                    (reference.DecodeMethodSignature(names, ()))
            | HandleKind.TypeReference, _ ->
                let parent =
                    program.GetTypeReference(TypeReferenceHandle.op_Explicit reference.Parent)

                $"{typeName program parent.Namespace parent.Name}.{program.GetString reference.Name}"
            | HandleKind.TypeSpecification, MemberReferenceKind.Method ->
                // Of a generic type, whatever its arguments.
                let parent =
                    program.GetTypeSpecification(
                        TypeSpecificationHandle.op_Explicit reference.Parent
                    )

                let owner: string = parent.DecodeSignature(names, ())

                describe
                    (owner.Split('<')[0])
                    (program.GetString reference.Name)
                    (reference.DecodeMethodSignature(names, ()))
            | _ -> ()
    ]

let isGenerated (library: MetadataReader) (attributes: CustomAttributeHandleCollection) =
    attributes
    |> Seq.exists (fun handle ->
        let attribute = library.GetCustomAttribute handle

        attribute.Constructor.Kind = HandleKind.MemberReference
        && (let constructor =
                library.GetMemberReference(MemberReferenceHandle.op_Explicit attribute.Constructor)

            let parent =
                library.GetTypeReference(TypeReferenceHandle.op_Explicit constructor.Parent)

            library.GetString parent.Name = "CompilerGeneratedAttribute"))

let baseName (library: MetadataReader) (definition: TypeDefinition) =
    match definition.BaseType.Kind with
    | HandleKind.TypeReference ->
        let parent =
            library.GetTypeReference(TypeReferenceHandle.op_Explicit definition.BaseType)

        library.GetString parent.Name
    | _ -> ""

/// A program calls what a type overrides through the type that declares it: `ToString` and its kin.
let isOverride (attributes: MethodAttributes) =
    attributes.HasFlag MethodAttributes.Virtual
    && not (attributes.HasFlag MethodAttributes.NewSlot)

let isVisible (attributes: MethodAttributes) =
    match attributes &&& MethodAttributes.MemberAccessMask with
    | MethodAttributes.Public
    | MethodAttributes.Family
    | MethodAttributes.FamORAssem -> true
    | _ -> false

/// Accessors of properties are written out by the compiler, too, but they are what a program uses.
let isAccessor (name: string) (attributes: MethodAttributes) =
    attributes.HasFlag MethodAttributes.SpecialName
    && (name.StartsWith "get_" || name.StartsWith "set_")

let methodsOf (library: MetadataReader) (owner: string) (definition: TypeDefinition) : string list = [
    let isDelegate = baseName library definition = "MulticastDelegate"

    for handle in definition.GetMethods() do
        let method = library.GetMethodDefinition handle
        let name = library.GetString method.Name

        let isImplied =
            isOverride method.Attributes
            || name = "get_EqualityContract" // a record's own, for those that derive from it
            || (isDelegate && name <> ".ctor")
            || (isGenerated library (method.GetCustomAttributes())
                && not (isAccessor name method.Attributes))

        if isVisible method.Attributes && not isImplied then
            describe owner name (method.DecodeSignature(names, ()))
]

/// Constants leave no trace in a program but their value: the sources tell.
let fieldsOf (library: MetadataReader) (owner: string) (definition: TypeDefinition) : (string * bool) list = [
    for handle in definition.GetFields() do
        let field = library.GetFieldDefinition handle

        let isPublic =
            field.Attributes &&& FieldAttributes.FieldAccessMask = FieldAttributes.Public

        if isPublic && not (field.Attributes.HasFlag FieldAttributes.RTSpecialName) then
            $"{owner}.{library.GetString field.Name}", field.Attributes.HasFlag FieldAttributes.Literal
]

let unused (programFile: string) (libraryFile: string) (sources: string) : string list =
    let program = read programFile
    let library = read libraryFile
    let used = used program

    let source =
        Directory.GetFiles(sources, "*.cs")
        |> Array.map File.ReadAllText
        |> String.concat "\n"

    [
        for handle in library.TypeDefinitions do
            let definition = library.GetTypeDefinition handle

            let isPublic =
                definition.Attributes &&& TypeAttributes.VisibilityMask = TypeAttributes.Public

            let owner = typeName library definition.Namespace definition.Name

            if isPublic then
                for method in methodsOf library owner definition do
                    if not (used.Contains method) then
                        method

                for field, isConstant in fieldsOf library owner definition do
                    let short = field.Substring(field.LastIndexOf('.', field.LastIndexOf '.' - 1) + 1)

                    if
                        not (
                            if isConstant then
                                source.Contains short
                            else
                                used.Contains field
                        )
                    then
                        field
    ]

let fsharpTypes (programFile: string) : string list =
    let program = read programFile

    [
        for handle in program.TypeReferences do
            let reference = program.GetTypeReference handle
            let name = typeName program reference.Namespace reference.Name

            if name.StartsWith "Microsoft.FSharp." then
                name
    ]

match fsi.CommandLineArgs with
| [| _; program; library; sources |] ->
    let missing = unused program library sources
    let fsharp = fsharpTypes program

    for name in missing do
        printfn $"not used by the C# consumer: {name}"

    for name in fsharp do
        printfn $"a type of F# that the C# consumer had to name: {name}"

    exit (if missing.IsEmpty && fsharp.IsEmpty then 0 else 1)
| _ ->
    eprintfn "usage: dotnet fsi .ci/unusedMembers.fsx PROGRAM.dll LIBRARY.dll FOLDER_OF_THE_SOURCES"
    exit 2
