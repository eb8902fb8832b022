namespace FunctionalWs.TestKit

open Expecto

[<AutoOpen>]
module Cases =

    /// As `testTheory`, for cases that can't be compared: functions are in them.
    let testCases (name: string) (cases: 'Case seq) (test: 'Case -> 'Result) : Test =
        testList name [ for case in cases -> testCase $"%A{case}" (fun () -> test case |> ignore) ]
