/// What holds for every public type of the pure libraries, found by reflection: nulls are refused by the parameter's name, default
/// values of structs are values, nothing can be set, and what `=` compares it compares by content.
module FunctionalWs.Api.Tests.ContractTests

open System
open System.Collections.Generic
open System.Reflection
open System.Net
open System.Reflection.Emit
open System.Runtime.CompilerServices
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Tests.Samples

let private assemblies = [
    typeof<Request>.Assembly
    typeof<RouteTable>.Assembly
    typeof<Recording>.Assembly
]

let private pattern (text: string) =
    match RoutePattern.parse text with
    | Ok pattern -> pattern
    | Error error -> failwith $"{error}"

let private converter = {
    new RouteConverter() with
        override _.TryParse(text, value) =
            value <- text
            true

        override _.TryFormat(value, text) =
            text <- string value
            true
}

/// Values of routes and recordings beside those of the protocol, made anew.
let private everything () : obj list =
    let rule = RouteRule.Create("e", pattern "/a")

    let recorded =
        (Recorder(RecorderLimits.Create(10, 100), ConnectionSettings.Server, DateTimeOffset.UnixEpoch))
            .ToRecording()

    made ()
    @ [
        pattern "/a"
        converter
        rule
        RouteValues.Create [ KeyValuePair("a", box 1) ]
        (match RouteTable.create true [ rule ] with
         | Ok table -> table
         | Error error -> failwith $"{error}")
        EquatableList.Create<string> [ "a" ]
        RecorderLimits.Create(10, 100)
        Recorder(RecorderLimits.Create(10, 100), ConnectionSettings.Server, DateTimeOffset.UnixEpoch)
        DateTimeOffset.UnixEpoch
        DateTime.UnixEpoch
        Func<RouteValues, string>(fun _ -> "/")
        Func<IPAddress, bool>(fun _ -> true)
        Dictionary<string, RouteConverter>() :> IReadOnlyDictionary<string, RouteConverter>
        Buffers.ArrayBufferWriter<byte>()
        ReadOnlyMemory<byte>.Empty
        recorded
        Replay.run recorded
        [ "a" ]
        [ rule ]
        box "x"
    ]

let private publicTypes =
    assemblies
    |> List.collect (fun assembly -> List.ofArray (assembly.GetExportedTypes()))
    |> List.filter (fun t -> not (isUnionCase t) && not (typeof<Attribute>.IsAssignableFrom t))
    |> List.map (fun t ->
        if t.IsGenericTypeDefinition then
            t.MakeGenericType typeof<string>
        else
            t)

/// What a step leads to is made by the library alone, and no door takes it: its default has no state.
let private isOutcome (t: Type) = t = typeof<Transition>

let private isWritten (t: Type) =
    not (t.IsAbstract && t.IsSealed) && not (typeof<Delegate>.IsAssignableFrom t)

// ---- Nulls

/// What the compiler makes of a union or a record takes what it is given: it is no door of ours.
let private isMade (method: MethodBase) =
    method.IsDefined typeof<CompilerGeneratedAttribute>
    || (method.IsConstructor && FSharpType.IsRecord method.DeclaringType)
    || (FSharpType.IsUnion method.DeclaringType
        && method.IsStatic
        && method.Name.StartsWith("New", StringComparison.Ordinal))

/// `Equals` and its kin take anything, and operators are for values that there are.
let private takesAnything (method: MethodBase) =
    method.Name.StartsWith("op_", StringComparison.Ordinal)
    || method.Name = "Equals"
    || method.Name = "CompareTo"

/// A sink as `Receive` takes one: a struct.
[<Struct; NoComparison; NoEquality>]
type private Sink =
    interface Buffers.IBufferWriter<byte> with
        member _.Advance _ = ()
        member _.GetMemory size = Memory(Array.zeroCreate (max 1 size))
        member _.GetSpan size = Span(Array.zeroCreate (max 1 size))

/// A generic method of some types that it may have.
let private closed (method: MethodInfo) : MethodInfo =
    method.MakeGenericMethod [|
        for parameter in method.GetGenericArguments() ->
            if
                parameter.GenericParameterAttributes.HasFlag
                    GenericParameterAttributes.NotNullableValueTypeConstraint
            then
                typeof<Sink>
            else
                typeof<string>
    |]

let private doors (t: Type) : MethodBase list = [
    let flags =
        BindingFlags.Public
        ||| BindingFlags.Static
        ||| BindingFlags.Instance
        ||| BindingFlags.DeclaredOnly

    for method in t.GetMethods flags do
        if
            not (
                isMade method
                || takesAnything method
                || method.IsAbstract
                || method.IsSpecialName
            )
        then
            if method.IsGenericMethodDefinition then
                closed method
            else
                method

    for constructor in t.GetConstructors() do
        if not (isMade constructor || t.IsAbstract) then
            constructor
]

/// Calls what may take spans and references: they are the default of their type. The arguments are those of the others.
let private call (method: MethodBase) (target: obj) (arguments: obj[]) : unit =
    let caller =
        DynamicMethod("call", typeof<Void>, [| typeof<obj>; typeof<obj[]> |], typeof<Request>.Module, true)

    let il = caller.GetILGenerator()
    let owner = method.DeclaringType

    if not method.IsStatic && not method.IsConstructor then
        il.Emit OpCodes.Ldarg_0

        if owner.IsValueType then
            il.Emit(OpCodes.Unbox, owner)
        else
            il.Emit(OpCodes.Castclass, owner)

    for parameter in method.GetParameters() do
        let t = parameter.ParameterType

        if t.IsByRef then
            il.Emit(OpCodes.Ldloca, il.DeclareLocal(t.GetElementType()))
        elif t.IsByRefLike then
            il.Emit(OpCodes.Ldloc, il.DeclareLocal t)
        else
            il.Emit OpCodes.Ldarg_1
            il.Emit(OpCodes.Ldc_I4, parameter.Position)
            il.Emit OpCodes.Ldelem_Ref
            il.Emit(OpCodes.Unbox_Any, t)

    match method with
    | :? ConstructorInfo as constructor ->
        il.Emit(OpCodes.Newobj, constructor)
        il.Emit OpCodes.Pop
    | :? MethodInfo as method ->
        il.Emit((if method.IsVirtual then OpCodes.Callvirt else OpCodes.Call), method)

        if method.ReturnType <> typeof<Void> then
            il.Emit OpCodes.Pop
    | other -> failwith $"{other}"

    il.Emit OpCodes.Ret
    caller.CreateDelegate<Action<obj, obj[]>>().Invoke(target, arguments)

/// The parameters of references that may not be null.
let private required (method: MethodBase) : ParameterInfo list = [
    let context = NullabilityInfoContext()

    for parameter in method.GetParameters() do
        let t = parameter.ParameterType

        if
            not t.IsValueType
            && not t.IsByRef
            && (context.Create parameter).ReadState <> NullabilityState.Nullable
        then
            parameter
]

/// What a door lets in that it should refuse; nothing when it can't be tried.
let private letsIn (values: obj list) (method: MethodBase) : string list = [
    let sample (t: Type) =
        if t.IsByRef || t.IsByRefLike then
            Some null
        elif t.IsArray then
            Some(box (Array.CreateInstance(t.GetElementType(), 0)))
        elif t.IsGenericType && t.GetGenericTypeDefinition() = typedefof<Nullable<_>> then
            Some null
        else
            List.tryHead (samplesOf values t)

    let parameters = method.GetParameters()
    let samples = [| for parameter in parameters -> sample parameter.ParameterType |]

    let target =
        if method.IsStatic || method.IsConstructor then
            Some null
        else
            List.tryHead (samplesOf values method.DeclaringType)

    let place = $"{method.DeclaringType.Name}.{method.Name}"

    for parameter in required method do
        let others =
            parameters
            |> Array.forall (fun other ->
                other.Position = parameter.Position || samples[other.Position].IsSome)

        match target with
        | Some target when others ->
            let arguments =
                samples
                |> Array.mapi (fun position value ->
                    if position = parameter.Position then
                        null
                    else
                        Option.toObj value)

            try
                call method target arguments
                $"{place}: null is let in as {parameter.Name}"
            with
            | :? ArgumentNullException as error when error.ParamName = parameter.Name -> ()
            | error -> $"{place}: null as {parameter.Name} gives {error.GetType().Name}: {error.Message}"
        | _ -> $"{place}: no arguments to try {parameter.Name} with"
]

[<Tests>]
let tests =
    testList "contracts of all public types" [
        testCase "a reference that may not be null is refused by the name of its parameter" (fun () ->
            let values = everything ()
            let wrong = publicTypes |> List.collect doors |> List.collect (letsIn values)

            if not wrong.IsEmpty then
                failwith (String.Join("\n", wrong)))

        testCase "a case of a union is called by the union's name in F#" (fun () ->
            let isFree (t: Type) =
                FSharpType.IsUnion t
                && not (t.IsDefined typeof<RequireQualifiedAccessAttribute>)

            [
                for package in Packages.all do
                    for t in package.Assembly.GetExportedTypes() do
                        if package.Language.IsFSharp && not (isUnionCase t) && isFree t then
                            t.FullName
            ]
            =! [])

        testCase "nothing of a value can be set after it was made" (fun () ->
            [
                for t in publicTypes do
                    for property in t.GetProperties() do
                        if not (isNull (property.GetSetMethod false)) then
                            $"{t.Name}.{property.Name}"

                    for field in t.GetFields(BindingFlags.Public ||| BindingFlags.Instance) do
                        if not field.IsInitOnly && not t.IsEnum then
                            $"{t.Name}.{field.Name}"
            ]
            =! [])

        testCase "the default value of a struct can be shown, compared and asked" (fun () ->
            let wrong = [
                for t in publicTypes do
                    if t.IsValueType && not t.IsEnum && not t.IsByRefLike && not (isOutcome t) then
                        let value = RuntimeHelpers.GetUninitializedObject t

                        for name, ask in
                            [
                                "ToString", (fun () -> value.ToString() |> ignore)
                                "GetHashCode", (fun () -> value.GetHashCode() |> ignore)
                                "Equals", (fun () -> value.Equals value |> ignore)
                                for property in t.GetProperties() do
                                    if
                                        property.GetIndexParameters().Length = 0
                                        && not property.PropertyType.IsByRefLike
                                        && not (property.GetMethod.IsStatic)
                                    then
                                        property.Name, (fun () -> property.GetValue value |> ignore)
                            ] do
                            try
                                ask ()
                            with error ->
                                $"{t.Name}.{name}: {error.GetBaseException().GetType().Name}"
            ]

            if not wrong.IsEmpty then
                failwith (String.Join("\n", wrong)))

        testCase "what Equals compares by content, == of C# compares as it does" (fun () ->
            let left, right = everything (), everything ()
            let equals = [| typeof<obj> |]

            let isPure (t: Type) =
                t.Assembly <> typeof<RouteTable>.Assembly

            let wrong = [
                for t in publicTypes do
                    let isCompared =
                        not t.IsEnum
                        && not (isNull (t.GetMethod("Equals", equals)))
                        && t.GetMethod("Equals", equals).DeclaringType = t

                    if isPure t && isWritten t && isCompared then
                        match
                            t.GetMethod("op_Equality", [| t; t |]), t.GetMethod("op_Inequality", [| t; t |])
                        with
                        | null, _
                        | _, null -> $"{t.Name}: no =="
                        | same, other ->
                            let ask (operator: MethodInfo) (first: obj) (second: obj) =
                                operator.Invoke(null, [| first; second |]) :?> bool

                            let values = samplesOf left t @ samplesOf right t

                            for first in values do
                                for second in values do
                                    let expected = first.Equals second

                                    if
                                        ask same first second <> expected
                                        || ask other first second = expected
                                    then
                                        $"{t.Name}: {first} and {second}"

                                if
                                    not t.IsValueType && (ask same first null || not (ask other null first))
                                then
                                    $"{t.Name}: null"
            ]

            if not wrong.IsEmpty then
                failwith (String.Join("\n", List.distinct wrong)))

        testCase "two values that were made alike are equal wherever = compiles" (fun () ->
            let left, right = everything (), everything ()

            let wrong = [
                for t in publicTypes do
                    let isCompared =
                        not (t.IsDefined typeof<NoEqualityAttribute>)
                        && not (t.IsDefined typeof<ReferenceEqualityAttribute>)

                    if isWritten t && not t.IsAbstract && isCompared then
                        let pairs = List.zip (samplesOf left t) (samplesOf right t)

                        if pairs.IsEmpty then
                            $"{t.Name}: no value"

                        for first, second in pairs do
                            if not (first.Equals second) || first.GetHashCode() <> second.GetHashCode() then
                                $"{t.Name}: {first}"
            ]

            if not wrong.IsEmpty then
                failwith (String.Join("\n", List.distinct wrong)))
    ]
