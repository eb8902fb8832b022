/// Every sequence of an alphabet of inputs and commands, with what must hold at every step (tests/Exploration).
module FunctionalWs.Protocol.Tests.ExplorationTests

open System
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Explore
open FunctionalWs.Protocol
open FunctionalWs.Exploration

/// `TESTS=ordinary` leaves the exploration out: for coverage, and for the drawing of the steps that the other tests take.
let private list: string -> Test list -> Test =
    if Environment.GetEnvironmentVariable "TESTS" = "ordinary" then
        printfn "exploration: skipped, since TESTS=ordinary asks for the other tests"
        ptestList
    else
        testList

let private casesOf<'union> () : Set<string> =
    FSharpType.GetUnionCases typeof<'union>
    |> Seq.map (fun case -> case.Name)
    |> Set.ofSeq

let private caseOf (value: 'union) : string =
    (fst (FSharpValue.GetUnionFields(value, typeof<'union>))).Name

let private answers =
    lazy
        ([
            for settings in Graph.settings do
                for step in Walk.everyStep settings do
                    match step.Answer with
                    | Ok transition -> transition
                    | Error _ -> ()
        ])

let private casesIn (choose: Transition -> 'union voption) : Set<string> =
    let tagOf = FSharpValue.PreComputeUnionTagReader typeof<'union>

    answers.Value
    |> Seq.choose (choose >> ValueOption.toOption)
    |> Seq.distinctBy tagOf
    |> Seq.map caseOf
    |> Set.ofSeq

[<Tests>]
let exploration =
    list "exhaustive exploration" [
        testTheory
            "every sequence of 41 moves to depth 4 keeps the invariants"
            [ Role.Server; Role.Client ]
            (fun role ->
                (Moves.all role).Length =! 41
                Walk.walk (Moves.settings role) 4 =! 1_751_766L)

        testTheory
            "sequences of any length lead to so many places, with so many steps from them"
            (List.indexed [ 124, 5_084; 124, 5_084; 120, 4_920; 116, 4_756; 104, 4_264; 124, 5_084 ])
            (fun (i, counts) ->
                let steps = Walk.everyStep Graph.settings[i]
                (Walk.placesOf steps, steps.Length) =! counts)

        testCase "the steps have 180 edges, which an exploration without a reference finds, too" (fun () ->
            let edges = (Graph.all ()).Edges
            edges.Count =! 180

            let explored =
                Graph.settings
                |> Seq.collect (fun settings ->
                    (StateGraph.Explore(settings, Moves.all settings.Role)).Edges)

            List.ofSeq (StateGraph.Create explored).Edges =! List.ofSeq edges)
    ]

[<Tests>]
let endpoints =
    list "exhaustive exploration of an endpoint" [
        testTheory
            "every sequence of bytes that are cut, commands and ends to depth 4 keeps the invariants"
            [ Role.Server, 2_878_758L; Role.Client, 2_878_697L ]
            (fun (role, steps) -> LifeWalk.walk Arrivals.bytes role Life.start 4 =! steps)

        testTheory
            "every sequence with time, traffic and pausing to depth 5 keeps the invariants"
            [ Role.Server, 1_765_504L; Role.Client, 1_765_504L ]
            (fun (role, steps) -> LifeWalk.walk Arrivals.times role Life.start 5 =! steps)

        testTheory
            "every sequence of all moves to depth 3 keeps the invariants"
            [ Role.Server, 193_290L; Role.Client, 193_289L ]
            (fun (role, steps) -> LifeWalk.walk Arrivals.all role Life.start 3 =! steps)

        testTheory
            "every sequence from the opening handshake on to depth 4 keeps the invariants"
            [ Role.Server, 8_007L; Role.Client, 8_007L ]
            (fun (role, steps) -> LifeWalk.walk Arrivals.times role Life.opening 4 =! steps)

        testTheory
            "sequences of bytes, commands and ends of any length lead to so many places, with so many steps from them"
            (List.indexed [
                3_626, 45_075
                1_810, 25_211
                3_413, 42_555
                3_367, 41_865
                2_525, 31_125
                2_629, 32_397
            ])
            (fun (i, counts) -> LifeWalk.everyPlace Graph.settings[i] =! counts)
    ]

[<Tests>]
let alphabet =
    list "the alphabet" [
        testCase "breaks every rule" (fun () ->
            let broken (transition: Transition) =
                match transition.State with
                | State.Draining(Closure.Failed(error, _)) -> ValueSome error
                | State.Open _
                | State.CloseSent _
                | State.Draining _
                | State.Closed _ -> ValueNone

            casesIn broken =! casesOf<ProtocolError>())

        testCase "leads to every event, output, state and way to end" (fun () ->
            casesIn (fun transition -> transition.Event) =! casesOf<Event>()
            casesIn (fun transition -> transition.Output) =! casesOf<Output>()
            casesIn (fun transition -> ValueSome transition.State) =! casesOf<State>()

            let closure (transition: Transition) =
                match transition.State with
                | State.Closed closure -> ValueSome closure
                | State.Open _
                | State.CloseSent _
                | State.Draining _ -> ValueNone

            casesIn closure =! casesOf<Closure>())

        testCase "has every command, and every reason to refuse one" (fun () ->
            Set.ofList (List.map caseOf Place.commands) =! casesOf<Command>()

            Set.ofSeq ((Graph.all ()).Edges |> Seq.map (fun edge -> edge.Refusal))
            =! Set.add "" (casesOf<SendError>()))
    ]

[<Tests>]
let pair =
    list "all schedules of two ends" [
        testCase "of 6 steps keep the invariants" (fun () -> PairGraph.walk 6 PairGraph.start =! 1_312_995L)

        testCase "of any length agree about the end, and can always come to it" (fun () ->
            let places = PairGraph.everyPlace ()
            let steps = places.Values |> Seq.sumBy (fun before -> before.Count)
            (places.Count, steps) =! (193_242, 1_231_500)
            PairGraph.deadEnds places =! 0)
    ]
