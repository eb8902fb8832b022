/// Random values of public types: by FsCheck's default generators where all values are good ones, by those of FunctionalWs.Generators else.
module FunctionalWs.Api.Tests.GeneratorTests

open System
open System.Reflection
open Expecto
open FsCheck
open FsCheck.FSharp
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Generators
open FunctionalWs.Protocol
open FunctionalWs.Tests.Samples

type private Maker =
    static member Make<'T>(map: IArbMap) : obj list =
        Gen.sample 100 (map.ArbFor<'T>().Generator) |> Array.map box |> List.ofArray

let private maker =
    typeof<Maker>.GetMethod("Make", BindingFlags.NonPublic ||| BindingFlags.Public ||| BindingFlags.Static)

let private make (map: IArbMap) (t: Type) : obj list =
    maker.MakeGenericMethod(t).Invoke(null, [| map |]) :?> obj list

let private values = ArbMap.defaults |> ArbMap.mergeWithType typeof<ProtocolValues>

/// Unions, records and enums that anybody can make.
let private isOpen (t: Type) =
    t.IsEnum || FSharpType.IsUnion t || FSharpType.IsRecord t

/// What a step leads to has the next value, which only a step makes.
let private isOutcome (t: Type) = t.IsDefined typeof<NoEqualityAttribute>

let private publicTypes =
    typeof<Request>.Assembly.GetExportedTypes()
    |> Array.filter (fun t -> not (isUnionCase t || t.IsGenericTypeDefinition || isOutcome t) && isOpen t)

[<Tests>]
let tests =
    testList "random values" [
        testCase
            "of every public union and record are made with the generators of FunctionalWs.Generators"
            (fun () ->
                let wrong = [
                    for t in publicTypes do
                        try
                            for value in make values t do
                                value.ToString() |> ignore

                                if not (value.Equals value) then
                                    $"{t.Name}: {value} is not itself"
                        with error ->
                            $"{t.Name}: {error.GetBaseException().Message}"
                ]

                if not wrong.IsEmpty then
                    failwith (String.Join("\n", wrong)))

        testTheory
            "of types that check what they are made of are none by default: FsCheck asks for a generator"
            [
                typeof<CloseCode>
                typeof<CloseStatus>
                typeof<ControlPayload>
                typeof<Limits>
                typeof<Timeouts>
                typeof<ReadAhead>
                typeof<DeflatePolicy>
                typeof<DeflateOffer>
                typeof<Headers>
                typeof<Response>
                typeof<WebSocketEndpoint>
                typeof<Utf8State>
                typeof<WebSocketUri>
                typeof<ClientOffer>
                typeof<ClientAgreement>
                typeof<AuthChallenge>
                typeof<AuthChallenges>
                typeof<RecorderLimits>
            ]
            (fun t ->
                raisesWith<TargetInvocationException> <@ make ArbMap.defaults t @> (fun error ->
                    <@ error.InnerException.Message.Contains "is not handled automatically" @>))
    ]
