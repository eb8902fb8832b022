// How records are read from JSON: with what may be absent where their types say so, and nowhere else.
namespace FunctionalWs.FSharp

open System
open System.Reflection
open System.Text.Json
open System.Text.Json.Serialization.Metadata
open FSharp.Reflection

/// Records of F# have no nulls in fields whose types have none, also where they come from JSON.
module internal JsonRecords =

    /// Trimmed programs have no annotations of nulls.
    let private hasAnnotations () : bool =
        match AppContext.TryGetSwitch "System.Reflection.NullabilityInfoContext.IsSupported" with
        | true, isSupported -> isSupported
        | false, _ -> true

    let private annotation (provider: ICustomAttributeProvider | null) : NullabilityState =
        match provider with
        | :? ParameterInfo as parameter -> NullabilityInfoContext().Create(parameter).WriteState
        | :? PropertyInfo as property -> NullabilityInfoContext().Create(property).ReadState
        | _ -> NullabilityState.Unknown

    /// What tells of a field's nulls: of a class with a constructor its parameter.
    let private declaration (field: JsonPropertyInfo) : ICustomAttributeProvider | null =
        match field.AssociatedParameter with
        | null -> field.AttributeProvider
        | parameter -> parameter.AttributeProvider

    let private absentTypes = [ typedefof<int option>; typedefof<int voption>; typedefof<Nullable<int>> ]

    let private mayBeAbsent (field: JsonPropertyInfo) : bool =
        let fieldType = field.PropertyType

        (fieldType.IsGenericType
         && List.contains (fieldType.GetGenericTypeDefinition()) absentTypes)
        || (not fieldType.IsValueType
            && hasAnnotations ()
            && annotation (declaration field) = NullabilityState.Nullable)

    let private demand (field: JsonPropertyInfo) : unit =
        let isOptional = mayBeAbsent field

        if not (isNull field.AssociatedParameter && isNull field.Set) then
            field.IsRequired <- not isOptional

        if not (isOptional || field.PropertyType.IsValueType) then
            field.IsSetNullable <- false

    let private demandFields (info: JsonTypeInfo) : unit =
        if info.Kind = JsonTypeInfoKind.Object && FSharpType.IsRecord(info.Type, true) then
            Seq.iter demand info.Properties

    let strict (options: JsonSerializerOptions) : JsonSerializerOptions =
        let resolver =
            match options.TypeInfoResolver with
            | null -> JsonSerializerOptions.Web.TypeInfoResolver
            | resolver -> resolver

        let copy =
            JsonSerializerOptions(
                options,
                RespectNullableAnnotations = true,
                RespectRequiredConstructorParameters = true
            )

        match resolver with
        | null -> ()
        | resolver -> copy.TypeInfoResolver <- resolver.WithAddedModifier(Action<JsonTypeInfo> demandFields)

        copy.MakeReadOnly()
        copy
