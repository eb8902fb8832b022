/// Expecto's tests on Microsoft.Testing.Platform, so that `dotnet test` runs them.
namespace FunctionalWs.TestKit

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Globalization
open System.Reflection
open System.Threading
open System.Threading.Tasks
open Expecto
open Microsoft.Testing.Platform.Builder
open Microsoft.Testing.Platform.Capabilities.TestFramework
open Microsoft.Testing.Platform.Extensions
open Microsoft.Testing.Platform.Extensions.Messages
open Microsoft.Testing.Platform.Extensions.TestFramework
open Microsoft.Testing.Platform.Helpers
open Microsoft.Testing.Platform.Requests

#nowarn "57" // the tree filter is marked experimental

module private Settings =

    let variable (name: string) : string option =
        match Environment.GetEnvironmentVariable name with
        | null
        | "" -> None
        | value -> Some value

    /// FAILFAST=1 ends the process with the first failure.
    let failFast = variable "FAILFAST" = Some "1"

    /// FSCHECK_REPLAY="(seed,gamma,size)", as a failure prints it, runs that one again.
    let replay =
        variable "FSCHECK_REPLAY"
        |> Option.map (fun text ->
            let parts = text.Trim('(', ')').Split ','
            let size = parts |> Array.tryItem 2 |> Option.map int
            uint64 parts[0], uint64 parts[1], size)

    /// TEST_CULTURE=th-TH runs all tests where that culture is everybody's. One that the machine doesn't know is refused:
    /// its tests would show nothing.
    let setCulture () : unit =
        match variable "TEST_CULTURE" with
        | None -> ()
        | Some name ->
            let culture = CultureInfo.GetCultureInfo(name, predefinedOnly = true)
            CultureInfo.DefaultThreadCurrentCulture <- culture
            CultureInfo.DefaultThreadCurrentUICulture <- culture
            CultureInfo.CurrentCulture <- culture
            CultureInfo.CurrentUICulture <- culture

module private Case =

    let name (case: FlatTest) = String.Join(".", case.name)

    let path (case: FlatTest) =
        "/" + String.Join("/", case.name |> List.map Uri.EscapeDataString)

    let node (case: FlatTest) (properties: IProperty list) =
        TestNode(
            Uid = TestNodeUid(name case),
            DisplayName = name case,
            Properties = PropertyBag(Array.ofList properties)
        )

    let run (case: FlatTest) (cancellation: CancellationToken) : Task =
        match case.test with
        | Sync test ->
            test ()
            Task.CompletedTask
        | SyncWithCancel test ->
            test cancellation
            Task.CompletedTask
        | Async test -> Async.StartAsTask(test, cancellationToken = cancellation)
        | AsyncFsCheck(config, _, test) ->
            let config = defaultArg config FsCheckConfig.defaultConfig
            let replay = Option.orElse config.replay Settings.replay
            Async.StartAsTask(test { config with replay = replay }, cancellationToken = cancellation)

type private Framework(cases: FlatTest list) =

    let isWanted (filter: ITestExecutionFilter) (case: FlatTest) =
        match filter with
        | :? TestNodeUidListFilter as list ->
            list.TestNodeUids |> Array.exists (fun uid -> uid.Value = Case.name case)
        | :? TreeNodeFilter as tree -> tree.MatchesFilter(Case.path case, PropertyBag())
        | _ -> true

    let judge (case: FlatTest) (cancellation: CancellationToken) : Task<IProperty> =
        task {
            try
                do! Case.run case cancellation
                return PassedTestNodeStateProperty.CachedInstance :> IProperty
            with error ->
                if Settings.failFast then
                    Console.WriteLine $"FAILED: {Case.name case}: {error.Message}"
                    exit 2

                return FailedTestNodeStateProperty(error, error.Message)
        }

    interface IExtension with
        member _.Uid = "FunctionalWs.TestKit"
        member _.Version = "1.0.0"
        member _.DisplayName = "TestKit"
        member _.Description = "Expecto's tests"
        member _.IsEnabledAsync() = Task.FromResult true

    interface IDataProducer with
        member _.DataTypesProduced = [| typeof<TestNodeUpdateMessage> |]

    interface ITestFramework with
        member _.CreateTestSessionAsync _ =
            Task.FromResult(CreateTestSessionResult(IsSuccess = true))

        member _.CloseTestSessionAsync _ =
            Task.FromResult(CloseTestSessionResult(IsSuccess = true))

        member framework.ExecuteRequestAsync context =
            task {
                let request = context.Request :?> TestExecutionRequest
                let results = ConcurrentBag<IProperty>()

                let publish (case: FlatTest) (properties: IProperty list) : Task =
                    context.MessageBus.PublishAsync(
                        framework,
                        TestNodeUpdateMessage(request.Session.SessionUid, Case.node case properties)
                    )

                let run (case: FlatTest) : Task =
                    task {
                        let start, clock = DateTimeOffset.UtcNow, Stopwatch.StartNew()

                        let! result =
                            match case.shouldSkipEvaluation with
                            | Some why -> Task.FromResult<IProperty>(SkippedTestNodeStateProperty why)
                            | None -> judge case context.CancellationToken

                        results.Add result
                        let timing = TimingInfo(start, start + clock.Elapsed, clock.Elapsed)
                        do! publish case [ result; TimingProperty timing ]
                    }

                let wanted = cases |> List.filter (isWanted request.Filter)

                match request with
                | :? DiscoverTestExecutionRequest ->
                    for case in wanted do
                        do! publish case [ DiscoveredTestNodeStateProperty.CachedInstance ]
                | _ ->
                    let together, alone =
                        wanted |> List.partition (fun case -> case.sequenced = InParallel)

                    let options =
                        ParallelOptions(
                            MaxDegreeOfParallelism = Environment.ProcessorCount,
                            CancellationToken = context.CancellationToken
                        )

                    do! Parallel.ForEachAsync(together, options, (fun case _ -> ValueTask(run case)))

                    for case in alone do
                        do! run case

                    let count (isOne: IProperty -> bool) =
                        results |> Seq.filter isOne |> Seq.length

                    let passed = count _.Equals(PassedTestNodeStateProperty.CachedInstance)
                    let skipped = count (fun result -> result :? SkippedTestNodeStateProperty)
                    let failed = results.Count - passed - skipped
                    // Not by printfn, which some cultures garble.
                    Console.WriteLine(
                        FormattableString.Invariant $"{passed} passed, {failed} failed, {skipped} skipped"
                    )

                context.Complete()
            }

module TestPlatform =

    /// Runs the tests of the assembly that was started, with the platform's arguments; gives the exit code.
    let run (args: string[]) : int =
        Settings.setCulture ()

        let cases =
            Impl.testFromAssembly (Assembly.GetEntryAssembly())
            |> Option.map Test.toTestCodeList
            |> Option.defaultValue []

        let run =
            task {
                let! builder = TestApplication.CreateBuilderAsync args
                let framework = Framework cases

                builder.RegisterTestFramework(
                    (fun _ -> TestFrameworkCapabilities() :> ITestFrameworkCapabilities),
                    (fun _ _ -> framework)
                )
                |> ignore

                builder.AddTreeNodeFilterService framework
                use! app = builder.BuildAsync()
                return! app.RunAsync()
            }

        run.GetAwaiter().GetResult()
