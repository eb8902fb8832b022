module FunctionalWs.Server.Tests.BudgetTests

open System
open System.Reflection
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs

let private kibi = 1024L
let private floor = int64 BufferShare.Floor
let private all = ReceiveBuffer.MaxReadSize
let private little = ReceiveBuffer.MinReadSize

/// A budget and its connections, the oldest first.
let private opened (limit: int64) (count: int) =
    let budget = BufferBudget limit
    budget, [| for _ in 1..count -> budget.Open() |]

[<Tests>]
let tests =
    testList "the budget of all connections" [
        testCase "lets everybody read while less than half of it waits" (fun () ->
            let budget, shares = opened (1_000L * kibi) 10

            for share in shares do
                share.MayRead(50L * kibi) =! all

            budget.Used =! 500L * kibi
            budget.IsExceeded =! false)

        testCase "pauses the newest first, then older ones, and at its end all but one" (fun () ->
            let budget, shares = opened (1_000L * kibi) 100
            let held = 20L * kibi // more than the floor: 2,000 KiB if all had it

            let paused () = [
                for index, share in Array.indexed shares do
                    if share.MayRead held = 0 then
                        index
            ]

            for share in shares[..24] do
                share.MayRead held |> ignore

            // 500 of 1,000 KiB: nobody has to wait.
            [ for share in shares[..24] -> share.MayRead held ] =! List.replicate 25 all

            budget.Add(250L * kibi)
            let reading = [ for share in shares[..24] -> share.MayRead held ]
            // 750 KiB: the older half reads on; all of these belong to it.
            reading =! List.replicate 25 all
            // A newer one may not, once it has its little.
            shares[99].MayRead held =! 0
            shares[99].MayRead 0L =! little
            shares[60].MayRead held =! 0
            shares[60].MayRead 0L =! little
            budget.Add(240L * kibi)
            // 990 KiB: the oldest reads on.
            shares[0].MayRead held =! all
            shares[24].MayRead held =! 0
            budget.Add(100L * kibi)
            budget.IsExceeded =! true
            List.truncate 1 (paused ()) =! [ 1 ]
            shares[0].MayRead held =! all)

        testCase "lets small messages pass whatever waits" (fun () ->
            let budget, shares = opened (1_000L * kibi) 5
            budget.Add(5_000L * kibi)

            for share in shares do
                share.MayRead 0L =! little
                share.MayRead floor =! little
                share.MayRead 0L =! little)

        testCase
            "asks nobody else, nor for a lock, for who holds little: what waits may be broadcasts"
            (fun () ->
                let budget, shares = opened (1_000L * kibi) 5
                budget.Add(5_000L * kibi)

                let gate =
                    typeof<BufferBudget>
                        .GetField("gate", BindingFlags.Instance ||| BindingFlags.NonPublic)
                        .GetValue
                        budget
                    :?> Lock

                gate.Enter()

                try
                    Wait.forTask "the answer" (Wait.start (fun () -> shares[0].MayRead 0L =! little))
                finally
                    gate.Exit())

        testCase
            "lets one of those that hold much read on, always, so that it can complete its message"
            (fun () ->
                let budget, shares = opened (1_000L * kibi) 6
                let asked (from: int) = [ for share in shares[from..] -> share.MayRead(400L * kibi) ]

                // The oldest hold little.
                for share in shares[..1] do
                    share.MayRead floor |> ignore

                asked 2 |> ignore
                budget.IsExceeded =! true
                asked 2 =! [ all; 0; 0; 0 ]
                // It has done: then it is the next one's turn.
                shares[2].MayRead 0L |> ignore
                asked 3 =! [ all; 0; 0 ]
                // Nor does one that has gone hold up the others.
                shares[3].Dispose()
                asked 4 =! [ all; 0 ])

        testCase "gets back all that a connection had, once" (fun () ->
            let budget, shares = opened (1_000L * kibi) 3
            shares[1].MayRead(300L * kibi) |> ignore
            shares[2].MayRead 5L |> ignore
            shares[1].Dispose()
            shares[1].Dispose()
            budget.Used =! 5L)

        testProperty
            "whoever comes and goes, the older of two reads when the newer does"
            (fun (steps: int list) ->
                let budget = BufferBudget(1_000L * kibi)
                let there = ResizeArray<BufferShare>()

                for step in steps do
                    if step % 3 <> 0 || there.Count = 0 then
                        there.Add(budget.Open())
                    else
                        let index = abs (step / 3) % there.Count
                        there[index].Dispose()
                        there.RemoveAt index

                let used = budget.Used
                used =! 0L
                budget.Add(int64 (List.length steps * 37 % 500 + 500) * kibi)
                let mayGrow = [ for share in there -> budget.MayGrow share ]
                // True up to one, false from it on.
                mayGrow =! List.sortDescending mayGrow)

        testCase "counts right from many threads, and its limit holds but for a read of each" (fun () ->
            let limit = 4_000L * kibi
            let threads = 8
            let budget, shares = opened limit (threads * 20)
            let most = [| 0L |]

            let rec note (seen: int64) =
                let known = Volatile.Read(&most[0])

                if seen > known && Interlocked.CompareExchange(&most[0], seen, known) <> known then
                    note seen

            let work (thread: int) =
                let random = Random thread
                let held = Array.zeroCreate<int64> 20

                for _ in 1..20_000 do
                    let index = random.Next 20
                    let share = shares[thread * 20 + index]

                    if random.Next 40 = 0 then
                        held[index] <- 0L // the handler has taken it

                    let room = share.MayRead held[index]
                    held[index] <- held[index] + int64 (min room (random.Next 65_536))
                    share.MayRead held[index] |> ignore
                    note budget.Used

                Array.sum held

            let left = [ for thread in 0 .. threads - 1 -> Wait.start (fun () -> work thread) ]
            let held = left |> List.sumBy (Wait.forTask "the work")
            budget.Used =! held
            // Beside the limit: a read of each thread, and what the one that may always read brings.
            let slack = int64 (threads * all) + int64 shares.Length * (floor + int64 little)
            let most = most[0]
            test <@ most < limit + slack + 2_000L * kibi @>

            for share in shares do
                share.Dispose()

            budget.Used =! 0L)
    ]
